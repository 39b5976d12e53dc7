export const list = (names: readonly string[]) => names.join(", ");
export const plural = (count: number, one: string, many: string) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
