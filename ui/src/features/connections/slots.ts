import type { ComponentType } from "react";

import type { Tool } from "../../api/types";

/** What other features know of a tool; the page brings them together. */
export interface ToolSlots {
  /** Who may use it. */
  Access: ComponentType<{ tool: Tool }>;
  /** What it was when it was granted, and what it is now. */
  Review: ComponentType<{ tool: string; onClose: () => void }>;
}
