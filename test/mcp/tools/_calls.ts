// Where fixtures tell a test in the same process what happens to a call.
import { EventEmitter } from 'node:events'

/** Emits the label of a call as `started`, then as `aborted` when its signal fires; hears `done <label>` where a call waits for it. */
export const calls = new EventEmitter<{ started: [label: string], aborted: [label: string], [done: `done ${string}`]: [] }>()
