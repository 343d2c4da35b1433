#!/usr/bin/env node
// The Solidity compiler's command line, over npm's solc (the same compiler, built for WebAssembly).
//
// forge, py-solc-x, slither and Brownie each want a native solc, which is fetched from the internet. This stands in
// for it wherever npm is all there is. It speaks what they speak and no more: `--version`, and `--standard-json` from
// stdin to stdout with --base-path, --include-path and --allow-paths. Nothing else is ever printed to stdout.
"use strict";

const fs = require("fs");
const path = require("path");

const EAGAIN_WAIT_MS = 5;

function main(argv) {
  const options = parse(argv);
  if (options.wantsVersion) {
    writeAll(1, `solc, the solidity compiler commandline interface\nVersion: ${compiler().version()}\n`);
    return 0;
  }
  if (!options.wantsStandardJson) {
    writeAll(2, "this solc knows --version and --standard-json (input on stdin) only\n");
    return 1;
  }
  const input = options.inputFile === null ? readAll(0) : fs.readFileSync(options.inputFile, "utf8");
  writeAll(1, compiler().compile(input, { import: (name) => readSource(name, options) }) + "\n");
  return 0;
}

/** Loading the compiler takes a second and hangs exception handlers of its own on the process: take them off. */
function compiler() {
  const before = process.listeners("uncaughtException");
  const solc = require("solc");
  for (const name of ["uncaughtException", "unhandledRejection"]) {
    for (const listener of process.listeners(name)) {
      if (!before.includes(listener)) process.removeListener(name, listener);
    }
  }
  return solc;
}

function parse(argv) {
  const options = {
    wantsVersion: false,
    wantsStandardJson: false,
    inputFile: null,
    basePath: process.cwd(),
    includePaths: [],
    allowedPaths: [],
  };
  const words = argv.flatMap((word) => (/^--[a-z-]+=/.test(word) ? split(word, "=") : [word]));
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === "--version") options.wantsVersion = true;
    else if (word === "--standard-json") options.wantsStandardJson = true;
    else if (word === "--base-path") options.basePath = path.resolve(valueOf(words, ++i));
    else if (word === "--include-path") options.includePaths.push(path.resolve(valueOf(words, ++i)));
    else if (word === "--allow-paths") {
      options.allowedPaths.push(...valueOf(words, ++i).split(",").filter(Boolean).map((each) => path.resolve(each)));
    } else if (word.startsWith("-") && word !== "-") throw new UsageError(`unknown option ${word}`);
    else if (word !== "-") options.inputFile = word;
  }
  return options;
}

class UsageError extends Error {}

function split(text, separator) {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}

function valueOf(words, at) {
  if (at >= words.length) throw new UsageError(`${words[at - 1]} needs a value`);
  return words[at];
}

/** What an import reads: the first of base path and include paths that has the file, inside the paths allowed. */
function readSource(name, { basePath, includePaths, allowedPaths }) {
  const roots = [basePath, ...includePaths];
  for (const root of roots) {
    const file = path.resolve(root, name);
    if (!fs.existsSync(file)) continue;
    const real = fs.realpathSync(file);
    if (![...roots, ...allowedPaths].some((allowed) => isInside(real, allowed))) {
      return { error: `File outside of allowed directories: ${file}` };
    }
    return { contents: fs.readFileSync(real, "utf8") };
  }
  return { error: `File not found: ${name}, searched in ${roots.join(", ")}` };
}

function isInside(file, folder) {
  const real = fs.existsSync(folder) ? fs.realpathSync(folder) : folder;
  return file === real || file.startsWith(real.endsWith(path.sep) ? real : real + path.sep);
}

/** Callers hand over pipes that may be non-blocking: a read or write can be partial, or ask to come again. */
function readAll(fd) {
  const chunks = [];
  const buffer = Buffer.alloc(1 << 16);
  for (;;) {
    const count = again(() => fs.readSync(fd, buffer, 0, buffer.length, null));
    if (count === 0) return Buffer.concat(chunks).toString("utf8");
    chunks.push(Buffer.from(buffer.subarray(0, count)));
  }
}

function writeAll(fd, text) {
  const bytes = Buffer.from(text, "utf8");
  for (let at = 0; at < bytes.length; ) {
    at += again(() => fs.writeSync(fd, bytes, at, bytes.length - at));
  }
}

function again(operation) {
  for (;;) {
    try {
      return operation();
    } catch (error) {
      if (error.code === "EOF") return 0;
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EAGAIN_WAIT_MS);
    }
  }
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  writeAll(2, `solc: ${error.message}\n`);
  process.exitCode = 2;
}
