import { render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { Shell } from "./app/shell";

const root = document.getElementById("app");
if (root) render(<Shell />, root);
