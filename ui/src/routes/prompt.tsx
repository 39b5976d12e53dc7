import { useGateway } from "../api/gateway";
import { Empty } from "../components/states";
import { PromptView } from "../features/approvals/prompt-view";
import { strings } from "../strings";

const t = strings.approvals.prompt;

export function PromptPage() {
  const { prompt } = useGateway().host;
  return prompt === undefined ? <Empty icon="hand" title={t.notHere} text={t.notHereText} /> : <PromptView prompt={prompt} />;
}
