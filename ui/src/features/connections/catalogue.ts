import entries from "./catalogue.json";

/**
 * MCP servers that many use, with how each is reached. Shipped with the window:
 * nothing is looked up anywhere. Each was looked up when it was put in; one that
 * takes only clients of its own choice is not in it.
 */
export interface Entry {
  id: string;
  name: string;
  publisher: string;
  text: string;
  /** More words to find it by. */
  words: string;
  /** The command of a local server; `{input}` stands for what a person fills in. */
  argv?: string[];
  url?: string;
  /** What stands in the command. */
  inputs?: Record<string, { label: string; example: string }>;
  /** Environment variables of a local server, headers of another. */
  secrets?: EntrySecret[];
  /** People sign in to it (OAuth). */
  signIn?: boolean;
  /** It takes only clients that were registered with it by hand. */
  client?: boolean;
  /** What has to be on this machine to start it. */
  runtime?: "node" | "uv";
  /** It is the gateway’s own program. */
  builtIn?: boolean;
  /** Where its publisher describes it. */
  home?: string;
}

interface EntrySecret {
  name: string;
  label: string;
  example: string;
  /** Goes before what is typed. */
  prefix?: string;
  optional?: boolean;
}

export const CATALOGUE = entries as readonly Entry[];

/** The server that is built into the gateway; `program` is the gateway itself. */
export function sampleEntry(program: string, text: { name: string; publisher: string; text: string; words: string }): Entry {
  return { id: "sample", ...text, argv: [program, "sample"], builtIn: true };
}

/** Those that have every word, best first: in the name, then in what it is for. */
export function searchCatalogue(all: readonly Entry[], find: string): Entry[] {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  const weight = (entry: Entry) => {
    const name = entry.name.toLowerCase();
    const text = [name, entry.id, entry.publisher, entry.text, entry.words].join(" ").toLowerCase();
    if (!words.every((word) => text.includes(word))) return 0;
    return words.every((word) => name.includes(word)) ? 2 : 1;
  };
  return all
    .filter((entry) => weight(entry) > 0)
    .toSorted((a, b) => weight(b) - weight(a));
}

/** `{folder}` → `folder`; nothing for an argument that is as it is. */
export function inputOf(argument: string): string | undefined {
  return /^\{(\w+)\}$/.exec(argument)?.[1];
}
