// A hub for the tests: answers as Hugging Face's and ModelScope's do, with the faults it is asked
// for. Two servers: the hub, and the one that signed addresses lead to, which refuses whoever shows
// a token. Prints their ports as one line, and ends when standard input does.
//
// A line of standard input orders something, and a line of standard output answers:
//   {"repositories": {...}, "faults": {...}}   from now on; the log begins anew
//   {"log": true}                              what was asked
// A repository: {"commit": "...", "files": {"config.json": {"text": "..."}, "a.gguf": {"path": "/file"},
// "model.safetensors": {"size": N, "seed": N}}, "private": true, "gated": true, "revisions": ["v1"]}
'use strict';
const http = require('http');
const crypto = require('crypto');
const fs = require('fs');
const readline = require('readline');

const kToken = 'hf_good';
let repositories = {};
let faults = {};
let log = [];
let cdnPort = 0;

function content(file) {
  if (file.bytes) return file.bytes;
  if (file.text !== undefined) {
    file.bytes = Buffer.from(file.text);
  } else if (file.path !== undefined) {
    file.bytes = fs.readFileSync(file.path);
  } else {  // never the same in two places, so that a piece put wrongly shows
    const seed = crypto.createHash('sha256').update(`${file.seed || 0}`).digest();
    const cipher = crypto.createCipheriv('aes-256-ctr', seed, Buffer.alloc(16));
    file.bytes = cipher.update(Buffer.alloc(file.size));
  }
  return file.bytes;
}

function gitBlob(bytes) {
  return crypto.createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function sha256(bytes) {
  return crypto.createHash('sha256').update(bytes).digest('hex');
}

function isLfs(path) {
  return path.endsWith('.safetensors') || path.endsWith('.gguf');
}

function checksum(path, bytes) {
  return isLfs(path) ? sha256(bytes) : gitBlob(bytes);
}

function json(response, value, headers) {
  const body = JSON.stringify(value);
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers });
  response.end(body);
}

function refuse(response, status, code, headers) {
  response.writeHead(status, { ...(code ? { 'X-Error-Code': code } : {}), ...headers });
  response.end(JSON.stringify({ error: code || `${status}` }));
}

// A fault that is to happen so many times: true as long as it is left.
function happens(name) {
  if (!faults[name]) return false;
  if (faults[name] === true) return true;
  faults[name] -= 1;
  return true;
}

function shown(path, bytes, begin, end) {  // as the fault of damage has it
  const middle = Math.floor(bytes.length / 2);
  const part = bytes.subarray(begin, end);
  const damage = faults.damage;
  if (!damage || !path.endsWith(damage.file) || damage.times === 0) return part;
  if (middle < begin || middle >= end) return part;
  damage.times -= 1;
  const damaged = Buffer.from(part);
  damaged[middle - begin] ^= 1;
  return damaged;
}

// Sends a body, or what the faults leave of it.
function send(request, response, path, all) {
  if (faults.pageInsteadOf && path.endsWith(faults.pageInsteadOf)) {
    const page = '<p>Sign in here.</p>';
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': 20 });
    return response.end(page);
  }
  const range = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range || '');
  let status = 200;
  let begin = 0;
  let end = all.length;
  const headers = {};
  if (range && !faults.ignoreRanges) {
    begin = Number(range[1]);
    end = Math.min(range[2] === undefined ? all.length : Number(range[2]) + 1, all.length);
    if (begin >= all.length) return refuse(response, 416);
    status = 206;
    headers['Content-Range'] = `bytes ${begin}-${end - 1}/${all.length}`;
  }
  const body = shown(path, all, begin, end);
  headers['Content-Length'] = body.length;
  response.writeHead(status, headers);
  const big = body.length > 20000;
  if (big && happens('breakOff')) {
    return response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
  }
  if (big && happens('stall')) {
    return response.write(body.subarray(0, Math.floor(body.length / 2)));
  }
  if (faults.bytesPerSecond) return trickle(response, body);
  return response.end(body);
}

function trickle(response, body) {
  const step = Math.max(1, Math.floor(faults.bytesPerSecond / 50));
  let at = 0;
  const timer = setInterval(() => {
    if (response.destroyed) return clearInterval(timer);
    response.write(body.subarray(at, at + step));
    at += step;
    if (at >= body.length) {
      clearInterval(timer);
      response.end();
    }
  }, 20);
}

function mayRead(repository, request, response, ofFile) {
  const token = (request.headers.authorization || '').replace('Bearer ', '');
  if (repository.private && token !== kToken) {
    refuse(response, 401, 'RepoNotFound');
  } else if (repository.gated && ofFile && token !== kToken) {
    refuse(response, token ? 403 : 401, 'GatedRepo');
  } else {
    return true;
  }
  return false;
}

function listTree(repository, id, url, response) {
  const pageSize = faults.pageSize || 1000;
  const cursor = Number(url.searchParams.get('cursor') || 0);
  const names = Object.keys(repository.files);
  const page = names.slice(cursor, cursor + pageSize).map((path) => {
    const bytes = content(repository.files[path]);
    const entry = { type: 'file', path, size: bytes.length, oid: gitBlob(bytes) };
    if (isLfs(path)) {
      entry.oid = 'ab'.repeat(20);  // of the pointer
      entry.lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 135 };
    }
    return entry;
  });
  page.push({ type: 'directory', path: 'folder', size: 0, oid: '0' });
  const next = cursor + pageSize;
  const link = `<http://${faults.linkHost || url.host}${url.pathname}?recursive=true&cursor=${next}>; rel="next"`;
  json(response, page, next < names.length ? { Link: link } : {});
}

function resolve(repository, id, path, request, response) {
  const file = repository.files[path];
  if (!file || faults.missing === path) return refuse(response, 404, 'EntryNotFound');
  const bytes = content(file);
  const headers = {
    'X-Repo-Commit': repository.commit,
    'X-Linked-Size': bytes.length,
    'X-Linked-Etag': `"${checksum(path, bytes)}"`,
  };
  if (faults.changeAfter && faults.changeAfter.file === path) {  // the next listing has it
    faults.changeAfter = undefined;
    repository.files[path] = { size: bytes.length, seed: 99 };
    repository.commit = 'c'.repeat(40);
    return resolve(repository, id, path, request, response);
  }
  if (!isLfs(path)) {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader('ETag', headers['X-Linked-Etag']);
    return send(request, response, path, bytes);
  }
  const signed = `http://127.0.0.1:${cdnPort}/${encodeURIComponent(id)}/${path}?Signature=${crypto.randomUUID()}`;
  response.writeHead(302, { Location: faults.redirectTo || signed, ...headers });
  response.end();
}

function modelscope(url, id, repository, request, response) {
  if (url.pathname.endsWith('/repo/files')) {
    const files = Object.keys(repository.files).map((path) => {
      const bytes = content(repository.files[path]);
      return { Name: path, Path: path, Type: 'blob', Size: bytes.length, Sha256: sha256(bytes), IsLFS: isLfs(path) };
    });
    files.push({ Name: 'folder', Path: 'folder', Type: 'tree', Size: 0, Sha256: '' });
    return json(response, { Code: 200, Data: { Files: files }, Success: true });
  }
  const path = url.searchParams.get('FilePath');
  if (!repository.files[path]) return refuse(response, 404);
  return send(request, response, path, content(repository.files[path]));
}

function hub(request, response) {
  const url = new URL(request.url, `http://${request.headers.host}`);
  log.push({ url: request.url, range: request.headers.range || '', token: request.headers.authorization || '' });
  if (happens('tooMany')) return refuse(response, 429, '', { 'Retry-After': faults.retryAfter || 1 });
  if (happens('serverError')) return refuse(response, 503);
  const match = /^\/api\/models\/([^/]+\/[^/]+)\/(revision|tree)\/([^/]+)$/.exec(url.pathname) ||
    /^\/api\/v1\/models\/([^/]+\/[^/]+)\/(repo)/.exec(url.pathname) ||
    /^\/([^/]+\/[^/]+)\/(resolve)\/([^/]+)\/(.+)$/.exec(url.pathname);
  if (!match) return refuse(response, 404);
  const [, id, what, revision, path] = match;
  const repository = repositories[id];
  if (!repository) return refuse(response, 401, 'RepoNotFound');
  if (!mayRead(repository, request, response, what === 'resolve')) return undefined;
  if (what === 'repo') return modelscope(url, id, repository, request, response);
  const revisions = ['main', repository.commit, ...(repository.revisions || [])];
  if (what === 'revision' && !revisions.includes(decodeURIComponent(revision))) {
    return refuse(response, 404, 'RevisionNotFound');
  }
  if (what === 'revision') return json(response, { id, sha: repository.commit });
  if (what === 'tree') return listTree(repository, id, url, response);
  return resolve(repository, id, decodeURIComponent(path), request, response);
}

function cdn(request, response) {
  const url = new URL(request.url, 'http://cdn');
  log.push({ cdn: true, url: url.pathname, range: request.headers.range || '', token: request.headers.authorization || '' });
  if (request.headers.authorization) return refuse(response, 400);
  if (!url.searchParams.get('Signature') || happens('expired')) return refuse(response, 403);
  const [, id, ...path] = url.pathname.split('/');
  const file = repositories[decodeURIComponent(id)].files[path.join('/')];
  return send(request, response, path.join('/'), content(file));
}

function control(line) {
  const order = JSON.parse(line);
  if (order.log) return console.log(JSON.stringify(log));
  if (order.repositories) repositories = order.repositories;
  faults = order.faults || {};
  log = [];
  return console.log('{}');
}

const cdnServer = http.createServer(cdn).listen(0, '127.0.0.1', () => {
  cdnPort = cdnServer.address().port;
  const hubServer = http.createServer(hub).listen(0, '127.0.0.1', () => {
    console.log(`${hubServer.address().port} ${cdnPort}`);
  });
});
const lines = readline.createInterface({ input: process.stdin });
lines.on('line', control);
lines.on('close', () => process.exit(0));
