// Files that may be missing or closed to whoever looks: neither is an error here.
import { readdirSync, type Stats, statSync } from 'node:fs'

/** undefined for what is not there, or may not be looked at. */
export function stat (file: string): Stats | undefined {
  try {
    return statSync(file)
  } catch {
    return undefined
  }
}

export function list (folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
