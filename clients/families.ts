// Every client of the test bench, in the order in which they are tried and listed.
import type { Client } from './client.ts'
import { clients as assistants } from './families/assistants.ts'
import { clients as bridges } from './families/bridges.ts'
import { clients as libraries } from './families/libraries.ts'
import { clients as v1 } from './families/official-sdk-v1.ts'
import { clients as v2 } from './families/official-sdk-v2.ts'

export const CLIENTS: readonly Client[] = [...assistants, ...bridges, ...v1, ...v2, ...libraries]
