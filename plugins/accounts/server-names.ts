// By what a server is known: a password that is made of it is the first that is tried.
import type { Config } from '../config.ts'

export const serverNames = ({ MCP_SERVER_NAME, PUBLIC_URL }: Config): string[] => [MCP_SERVER_NAME, new URL(PUBLIC_URL).hostname, 'mcpx', 'mcpserver']
