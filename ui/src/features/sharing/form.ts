import type { SharingSettings } from "../../api/types";
import type { Worded } from "../../components/stale-notice";
import { strings } from "../../strings";

const t = strings.sharing;

export interface Values {
  on: boolean;
  names: string[];
  address: string;
  port: string;
  source: "own" | "files";
  certificate: string;
  key: string;
}

export function valuesOf({ on, names, address, port, certificate }: SharingSettings): Values {
  const files = certificate.kind === "files" ? certificate : { certificate: "", key: "" };
  return { on, names, address, port: String(port), source: certificate.kind, certificate: files.certificate, key: files.key };
}

export function settingsOf(values: Values, version: number): SharingSettings {
  const { on, names, address, port, source } = values;
  const certificate: SharingSettings["certificate"] = source === "own" ? { kind: "own" } : { kind: "files", certificate: values.certificate.trim(), key: values.key.trim() };
  return { on, names, address: address.trim(), port: Number(port), certificate, version };
}

const isPort = (text: string) => /^\d{1,5}$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 65_535;
const fromFiles = (text: string, values: Values) => (values.source === "files" && text.trim() === "" ? t.fileMissing : null);

export const validate = {
  names: (names: string[], values: Values) => (values.on && names.length === 0 ? t.namesMissing : null),
  address: (text: string) => (text.trim() === "" ? t.addressMissing : null),
  port: (text: string) => (isPort(text) ? null : t.portWrong),
  certificate: fromFiles,
  key: fromFiles,
};

/** Each setting in words, to put two versions side by side. */
export function wordsOf(values: Values): Worded[] {
  return [
    { name: t.fields.on, words: t.inWords(values.on) },
    { name: t.fields.names, words: values.names.join(", ") },
    { name: t.fields.address, words: values.address },
    { name: t.fields.port, words: values.port },
    { name: t.fields.certificate, words: values.source === "own" ? t.own : values.certificate },
  ];
}
