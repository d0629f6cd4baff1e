import { useState } from "preact/hooks";
import { Field } from "../parts/controls";
import { Note } from "../parts/feedback";

/** The one page of a browser that the server does not know yet. */
export function TokenPage() {
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState("");
  const unlock = async () => {
    const answer = await fetch("/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: token.trim() }) });
    if (answer.ok) return location.reload();
    const refusal = (await answer.json().catch(() => ({}))) as { error?: { message?: string } };
    setWrong(refusal.error?.message ?? `The server answered ${answer.status}.`);
  };
  return (
    <main class="token-page">
      <form class="stack wide" onSubmit={(event) => { event.preventDefault(); void unlock(); }}>
        <h1>sakuga studio</h1>
        <p class="quiet">This studio serves other machines, so it asks for the token that <code>sakuga studio</code> printed when it started.</p>
        <Field label="Token">{(id) => <input id={id} class="input mono" type="password" autocomplete="current-password" value={token} onInput={(event) => setToken(event.currentTarget.value)} />}</Field>
        {wrong && <Note tone="wrong">{wrong}</Note>}
        <button class="button main" disabled={!token.trim()}>Open the studio</button>
      </form>
    </main>
  );
}
