// Who the visitor is, where the page has them sign in.

/**
 * @typedef {object} Visitor
 * @property {{address: string, leaves: boolean} | null} signIn Where one signs in, and whether the
 *   page can sign one out; null where nobody needs to.
 * @property {string | null} name Who has signed in.
 */

/** @type {Visitor} */
export const ANYBODY = { signIn: null, name: null };

/** Notices that signing in may leave behind the page's address. */
const LEFT = ["sign_in_failed", "not_allowed", "no_provider", "too_many"];

/**
 * Ask who the visitor is.
 * @returns {Promise<Visitor | null>} Null for somebody who is known and not let in.
 */
export async function whoIs() {
  try {
    const response = await fetch("/api/visitor", { signal: AbortSignal.timeout(10_000) });
    if (response.status === 403) return null;
    if (!response.ok) return ANYBODY;
    const { sign_in: signIn, name } = await response.json();
    return { signIn, name };
  } catch {
    return ANYBODY; // the ticket tells, when one is asked for
  }
}

/** Whether the visitor has to sign in before they can talk. */
export function isUnknown({ signIn, name }) {
  return signIn !== null && name === null;
}

/** @returns {Promise<boolean>} Whether it worked: else the visitor is signed in still. */
export async function signOut() {
  try {
    const options = { method: "POST", signal: AbortSignal.timeout(10_000) };
    return (await fetch("/sign-out", options)).ok;
  } catch {
    return false;
  }
}

/** The notice that signing in has left behind the address, taken from there; null for none. */
export function leftNotice() {
  const code = location.hash.slice(1);
  if (!LEFT.includes(code)) return null;
  history.replaceState(null, "", location.pathname);
  return code;
}
