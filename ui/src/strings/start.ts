import { list, plural } from "./words";

export const start = {
  checklist: "Finish setting up",
  resume: "Go on",
  leave: "Do this later",
  skip: "Skip for now",
  next: "Continue",
  finish: "Go to Home",
  titles: { tool: "Connect your first tool", agent: "Connect your first agent", call: "See the first call" },
  texts: {
    tool: "Choose a server that agents shall be able to use, or the sample, which needs no network. Connecting it allows nothing yet.",
    agent: "An agent is a program that calls tools in your name, such as Claude Code. It gets a token of its own, and nothing else.",
    call: "Allow something, let the agent use it, and take it back.",
  },
  call: {
    title: "First calls",
    connection: "Connection",
    noTools: "Nothing is connected yet. Go back and connect a tool first.",
    noneReads: (connection: string) => `No tool of ${connection} says that it only reads. Look at them on the page Permissions and allow what you want.`,
    again: "Allow them again",
    ask: "Ask your agent for something that needs one of these tools.",
    askSample: "Ask your agent, for example: “Which sample notes are there?”",
    may: "Your agents may use these; they only read",
    allow: (count: number) => `Allow ${plural(count, "tool", "tools")}`,
    allowed: (tools: readonly string[]) => `Allowed: ${list(tools)}`,
    story: {
      waiting: "Waiting for the first call…",
      allowed: "It went through. Now take it back.",
      taken: "Taken back. Waiting for the next call…",
      denied: "It was refused. That is all there is to it.",
    },
    revoke: "Take it back",
    testCall: "Make a test call myself",
    testCallText: "Run this in a terminal. It asks for the agent’s token and makes a real call with it, checked and recorded like any other.",
    testCallLabel: "Command for a test call",
  },
} as const;
