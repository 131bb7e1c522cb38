// The public REST API as a page uses it: one function per call, one kind of error. The token lives in this tab only.
const TOKEN = 'mercredi.token';

export class ApiError extends Error {
  // status 0: the server was not reached. problems: FastAPI's list of a 422, otherwise [].
  constructor(status, detail, problems, retryAfter) {
    super(detail);
    Object.assign(this, { status, detail, problems, retryAfter });
  }
}

export const signedIn = () => sessionStorage.getItem(TOKEN) !== null;
export const signOut = () => sessionStorage.removeItem(TOKEN);

async function call(path, { method = 'GET', body, type, signal } = {}) {
  const headers = { Accept: 'application/json' };
  if (type) headers['Content-Type'] = type;
  const token = sessionStorage.getItem(TOKEN);
  if (token && path !== '/token') headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, { method, headers, body, signal });
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'unreachable', []);
  }
  const data = await response.json().catch(() => ({}));
  if (response.ok) return data;
  if (response.status === 401 && path !== '/token') signOut();
  const problems = Array.isArray(data.detail) ? data.detail : [];
  const detail = typeof data.detail === 'string' ? data.detail : response.statusText;
  throw new ApiError(response.status, detail, problems, Number(response.headers.get('Retry-After')) || 0);
}

export async function signIn(username, password) {
  const form = new URLSearchParams({ grant_type: 'password', username, password });
  const answer = await call('/token', { method: 'POST', body: form, type: 'application/x-www-form-urlencoded' });
  sessionStorage.setItem(TOKEN, answer.access_token);
}

export const schema = () => call('/schema');
export const predict = (film) =>
  call('/predict?explain=true', { method: 'POST', body: JSON.stringify(film), type: 'application/json' });
