import { MantineProvider } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

import { useContrast } from "../components/appearance";
import { theme, tokens, tokensWithMoreContrast } from "./theme";

/** Light or dark, with more contrast or without: what the viewer chose, or else the system. */
export function Look({ children }: { children: ReactNode }) {
  const { isMore } = useContrast();
  useEffect(() => {
    document.documentElement.dataset.contrast = isMore ? "more" : "normal";
  }, [isMore]);
  return (
    <MantineProvider theme={theme} cssVariablesResolver={isMore ? tokensWithMoreContrast : tokens} defaultColorScheme="auto">
      {children}
    </MantineProvider>
  );
}
