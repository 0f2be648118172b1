// Signs this page in when it was opened by a link of `openclaw dashboard`. The secret stands in the fragment, which no
// browser sends anywhere; it is taken out of the address bar at once.
'use strict';
const said = document.getElementById('said');
const say = (text) => { said.textContent = text; said.hidden = false; };
const given = new URLSearchParams(location.hash.slice(1));
const auth = {};
if (given.get('bootstrapToken')) auth.bootstrapToken = given.get('bootstrapToken');
else if (given.get('token')) auth.token = given.get('token');
if (location.hash) history.replaceState(null, '', location.pathname + location.search);

const text = new TextEncoder();
const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

// One key for this browser, kept where scripts can use but not read it.
async function deviceKey() {
  const opening = indexedDB.open('openclaw-page', 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
  const database = await done(opening);
  const keys = (mode) => database.transaction('keys', mode).objectStore('keys');
  const kept = await done(keys('readonly').get('device'));
  if (kept) return kept;
  const made = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
  await done(keys('readwrite').put(made, 'device'));
  return made;
}

async function connectParams(challenge) {
  const key = await deviceKey();
  const raw = await crypto.subtle.exportKey('raw', key.publicKey);
  const id = hex(await crypto.subtle.digest('SHA-256', raw));
  const client = { id: 'openclaw-control-ui', version: said.dataset.version, platform: 'web', mode: 'webchat' };
  const scopes = ['operator.read'];
  const token = auth.token || auth.bootstrapToken;
  const signed = ['v3', id, client.id, client.mode, 'operator', scopes.join(','), challenge.ts, token, challenge.nonce,
    client.platform, ''].join('|');
  const signature = base64url(await crypto.subtle.sign('Ed25519', key.privateKey, text.encode(signed)));
  const device = { id, publicKey: base64url(raw), signature, signedAt: challenge.ts, nonce: challenge.nonce };
  return { minProtocol: 4, maxProtocol: 4, client, role: 'operator', scopes, caps: [], auth, device };
}

function signIn() {
  const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + location.pathname);
  const ask = (id, method, params) => socket.send(JSON.stringify({ type: 'req', id, method, params }));
  say('signing in …');
  socket.onmessage = async (message) => {
    const frame = JSON.parse(message.data);
    try {
      if (frame.event === 'connect.challenge') ask('connect', 'connect', await connectParams(frame.payload));
    } catch (error) {
      return say(`this browser cannot sign: ${error.message}`);
    }
    if (frame.type !== 'res') return;
    if (!frame.ok) return say(`not let in: ${frame.error.message}`);
    if (frame.id === 'connect') ask('status', 'status', {});
    if (frame.id === 'status') say(`signed in; ${frame.payload.sessions?.count ?? 0} conversations`);
  };
  socket.onclose = () => { if (!said.textContent.startsWith('not let in')) say('the Gateway closed the connection'); };
}

if (auth.token || auth.bootstrapToken) signIn();
