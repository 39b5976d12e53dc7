import { useGateway } from "../api/gateway";
import { Empty } from "../components/states";
import { PromptView } from "../features/approvals/prompt-view";
import { strings } from "../strings";

const t = strings.approvals.prompt;

export function PromptPage() {
  const { prompt } = useGateway().host;
  if (prompt !== undefined) return <PromptView prompt={prompt} />;
  return (
    <main>
      <h1 className="visually-hidden">{t.title}</h1>
      <Empty icon="hand" title={t.notHere} text={t.notHereText}>
        <a href="#/approvals" data-testid="prompt-elsewhere">
          {t.elsewhere}
        </a>
      </Empty>
    </main>
  );
}
