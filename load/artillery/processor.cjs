// What virtual users send, and what became of it: one latency per request, from the instant it was due to its answer.
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { randomUUID } = require('node:crypto');
const { threadId } = require('node:worker_threads');

const file = process.env.HOTSWAP_LOAD_TARGETS;
const folder = process.env.HOTSWAP_LOAD_OUT;
const READ_AGAIN_MS = 15_000;
const MOST_TRIES = 60;
const GROWTH = Math.log(1.04); // buckets 4 % wide

let targets = {};
let readAt = 0;

/** What was prepared; tokens in it are renewed while the run goes on. */
function prepared() {
  if (Date.now() - readAt > READ_AGAIN_MS) {
    targets = JSON.parse(fs.readFileSync(file, 'utf8'));
    readAt = Date.now();
  }
  return targets;
}

const any = (list) => list[Math.floor(Math.random() * list.length)];
const turn = {};
const next = (name, list) => list[(turn[name] = (turn[name] ?? -1) + 1) % list.length];

// ---- what is counted

const seconds = new Map();
const byName = new Map();
const recent = [];

function bucketOf(ms) {
  return Math.max(0, Math.round(Math.log(Math.max(ms, 0.1) / 0.1) / GROWTH));
}

function add(counts, kind, bucket) {
  counts[kind] = (counts[kind] ?? 0) + 1;
  if (bucket !== undefined) counts.ms[bucket] = (counts.ms[bucket] ?? 0) + 1;
}

function note(name, kind, ms) {
  const second = Math.floor(Date.now() / 1000);
  if (!seconds.has(second)) seconds.set(second, { ms: {} });
  if (!byName.has(name)) byName.set(name, { ms: {} });
  const bucket = ms === undefined ? undefined : bucketOf(ms);
  add(seconds.get(second), kind, bucket);
  add(byName.get(name), kind, bucket);
}

/** All that was not written yet: a second may be written in parts, whoever reads adds them up. */
function write() {
  const lines = [...seconds].map(([second, counts]) => JSON.stringify({ second, ...counts }) + '\n');
  seconds.clear();
  if (lines.length) fs.appendFileSync(path.join(folder, `seconds-${threadId}.jsonl`), lines.join(''));
  fs.writeFileSync(path.join(folder, `names-${threadId}.json`), JSON.stringify(Object.fromEntries(byName)));
}

// Workers are ended without a word, so nothing waits for the end of the run.
if (folder) setInterval(write, 500).unref();

// ---- hooks of every request

function begin(request, context, _events, done) {
  context.vars.begunAt = performance.now();
  return done();
}

/** 429 is an answer of its own: a limit that did what it is there for. */
function observed(request, response, context, _events, done) {
  const status = response.statusCode;
  const ms = performance.now() - context.vars.begunAt;
  const kind = status === 429 ? 'limited' : status >= 200 && status < 300 ? 'answered' : `status${status} ${why(response.body)}`;
  note(request.name, kind, ms);
  return done();
}

/** The kind of problem, in the API's own word. */
function why(body) {
  try {
    return String(JSON.parse(body).type).split('/').pop();
  } catch {
    return 'without a reason';
  }
}

function failed(error, request, context, _events, done) {
  note(request?.name ?? 'unknown', `error ${error?.code ?? error?.message ?? error}`);
  if (typeof done === 'function') done();
}

// ---- who asks for what

function authorize(request, user) {
  request.headers = { ...request.headers, authorization: `Bearer ${user.token}` };
}

function reads(request, context, _events, done) {
  const { viewers, deployments } = prepared();
  authorize(request, next('viewer', viewers));
  const known = recent.length ? recent : deployments;
  const wanted = Math.random() < 0.5 ? any(known) : any(deployments);
  request.url = request.url.replace('EXECUTION', wanted).replace('MODULE', any(prepared().modules).name);
  return begin(request, context, _events, done);
}

/** The modules take turns, and each goes back and forth between its two versions, so that every deployment has work. */
function creates(request, context, _events, done) {
  const { deployers, modules } = prepared();
  const module = next('module', modules);
  const version = next(`version of ${module.name}`, module.versions);
  authorize(request, next('deployer', deployers));
  request.headers['idempotency-key'] = randomUUID();
  request.json = {
    moduleName: module.name, version, targetEnvironment: 'Development', allowDowngrade: true, description: 'load',
  };
  return begin(request, context, _events, done);
}

/** One deployment for each module that is in it, once: asked for with the same key until it is taken. */
function createsOnce(request, context, events, done) {
  context.vars.mine ??= next('once', prepared().modules);
  context.vars.key ??= randomUUID();
  return creates(request, context, events, () => {
    request.headers['idempotency-key'] = context.vars.key;
    request.json.moduleName = context.vars.mine.name;
    request.json.version = context.vars.mine.versions.at(-1);
    done();
  });
}

/** As a client does: who is told to come back comes back, after as long as it was told. */
function createdOrComesBack(request, response, context, events, done) {
  context.vars.refused = response.statusCode === 429;
  const pause = context.vars.refused ? 1000 * Number(response.headers['retry-after'] ?? 1) : 0;
  return created(request, response, context, events, () => setTimeout(done, pause));
}

function isRefused(context, proceed) {
  context.vars.tries = (context.vars.tries ?? 0) + 1;
  return proceed(context.vars.refused && context.vars.tries < MOST_TRIES);
}

function created(request, response, context, events, done) {
  if (response.statusCode === 202) {
    const { executionId } = JSON.parse(response.body);
    context.vars.mineId = executionId;
    recent.push(executionId);
    if (recent.length > 200) recent.shift();
    fs.appendFileSync(path.join(folder, `created-${threadId}.txt`), executionId + '\n');
  }
  return observed(request, response, context, events, done);
}

/** A node that reports a second of one module's traffic. Interval numbers rise, as the protocol demands. */
function reports(request, context, _events, done) {
  const node = next('node', prepared().nodes);
  const now = Date.now();
  const from = node.until ?? now - 1_000;
  node.until = now;
  node.interval = Math.max((node.interval ?? 0) + 1, Math.floor(now / 10));
  const count = 20 + Math.floor(Math.random() * 20);
  request.url = request.url.replace('NODE', node.id);
  request.headers = { ...request.headers, authorization: `Bearer ${node.credential}` };
  request.json = {
    interval: node.interval,
    sentAt: now,
    kernelVersion: 'load',
    modules: node.digest
      ? [{ module: node.module, fence: node.fence, active: node.digest, staged: [], healthy: true }] : [],
    windows: node.digest
      ? [{
        module: node.module, digest: node.digest, startedAt: from, endedAt: now, requests: count, errors: 0,
        latency: { 190: count - 5, 200: 5 }, cpuMs: 40, memoryBytes: 41_000_000, crashes: 0,
      }] : [],
  };
  return begin(request, context, _events, done);
}

function logsIn(request, context, _events, done) {
  const { viewers } = prepared();
  const { username, password } = next('login', viewers);
  request.json = { username, password };
  return begin(request, context, _events, done);
}

module.exports = {
  reads, creates, createsOnce, created, createdOrComesBack, isRefused, reports, logsIn, observed, failed,
};
