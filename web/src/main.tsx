import { render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { locked } from "./api/client";
import { Shell } from "./app/shell";
import { TokenPage } from "./app/token-page";

const root = document.getElementById("app");
if (root) render(<App />, root);

function App() {
  return locked.value ? <TokenPage /> : <Shell />;
}
