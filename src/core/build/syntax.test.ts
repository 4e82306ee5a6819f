import { expect, test } from "bun:test";
import { isBuiltInSyntax, syntaxOf } from "./syntax.ts";

test.each([
  ["FROM x\n", undefined],
  ["# syntax=docker/dockerfile:1\nFROM x", { image: "docker/dockerfile:1", line: 1 }],
  ["\uFEFF#syntax = a/b more words\r\n", { image: "a/b", line: 1 }],
  ["#!/usr/bin/env docker\n# escape=`\n# SYNTAX=a/b", { image: "a/b", line: 3 }],
  ["# a comment\n# syntax=a/b\n", undefined],
  ["\n# syntax=a/b\n", undefined],
  ["// syntax=a/b\n{}", { image: "a/b", line: 1 }],
  ['{ "syntax": "a/b:2", "x": 1 }', { image: "a/b:2", line: 1 }],
  ['{ "syntax": 3 }', undefined],
  ["{ broken", undefined],
])("the syntax of %j", (text, found) => {
  expect(syntaxOf(text)).toEqual(found);
});

test.each([
  ["docker/dockerfile", true],
  ["docker/dockerfile:1.7-labs", true],
  ["docker.io/docker/dockerfile:1@sha256:0a1b", true],
  ["mirror.example:5000/hub/docker/dockerfile:1", true],
  ["docker/dockerfile-upstream:master", true],
  ["docker/dockerfile-other", false],
  ["someone/dockerfile", false],
  ["notdocker/dockerfile", false],
  ["tonistiigi/hcl", false],
])("%s is built in: %p", (image, isBuiltIn) => {
  expect(isBuiltInSyntax(image)).toBe(isBuiltIn);
});
