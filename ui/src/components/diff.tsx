/** A unified diff as it is: signs as well as colours say what comes and goes. */
export function Diff({ text, label, none, testId }: { text: string; label: string; none: string; testId: string }) {
  if (text.trim() === "") return <p className="dim small">{none}</p>;
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls must be reachable by keyboard
    <div className="diff" role="region" aria-label={label} tabIndex={0} data-testid={testId}>
      {text
        .replace(/\n$/, "")
        .split("\n")
        .map((line, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- a diff never changes in its place
          <span key={index} data-kind={kindOf(line)}>
            {line}
            {"\n"}
          </span>
        ))}
    </div>
  );
}

function kindOf(line: string): "head" | "added" | "removed" | "same" {
  if (line.startsWith("+++") || line.startsWith("---") || line.startsWith("@@")) return "head";
  if (line.startsWith("+")) return "added";
  return line.startsWith("-") ? "removed" : "same";
}
