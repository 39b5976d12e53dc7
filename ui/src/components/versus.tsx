import { Text } from "@mantine/core";

/** One row of a comparison: what a person had, what is there now. */
export interface Versus {
  name: string;
  mine: string;
  theirs: string;
}

/** Two versions of one row side by side; where they differ is marked by more than colour. */
export function VersusTable({ rows, mineLabel, theirsLabel }: { rows: readonly Versus[]; mineLabel: string; theirsLabel: string }) {
  return (
    <table className="plain-table versus-table">
      <thead>
        <tr>
          <th scope="col" aria-hidden="true" />
          <th scope="col">{theirsLabel}</th>
          <th scope="col">{mineLabel}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name} data-differs={row.mine !== row.theirs}>
            <th scope="row">
              <Text size="xs" c="dimmed">
                {row.name}
              </Text>
            </th>
            <td>{row.theirs}</td>
            <td>{row.mine === row.theirs ? row.mine : <strong>{row.mine}</strong>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
