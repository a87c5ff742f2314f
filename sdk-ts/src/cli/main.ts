#!/usr/bin/env node
import { program } from './program.ts'
import { processWorld } from './world.ts'

process.exitCode = await program(process.argv.slice(2), processWorld())
