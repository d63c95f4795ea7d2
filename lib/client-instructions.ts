// How to connect the clients that most people use; shown at a terminal after the start, and on the home page.

export interface ClientInstructions {
  readonly client: string
  /** Where the line goes, when it is not a command for a terminal. */
  readonly where?: string
  readonly line: string
}

export function clientInstructions (endpoint: string): ClientInstructions[] {
  return [
    { client: 'Claude Code', line: `claude mcp add --transport http mcpx ${endpoint}` },
    { client: 'VS Code', line: `code --add-mcp '${JSON.stringify({ name: 'mcpx', type: 'http', url: endpoint })}'` },
    { client: 'Cursor', where: '~/.cursor/mcp.json', line: JSON.stringify({ mcpServers: { mcpx: { url: endpoint } } }) },
    { client: 'Inspector', line: `npx -y @modelcontextprotocol/inspector --cli ${endpoint} --transport http --method tools/list` }
  ]
}
