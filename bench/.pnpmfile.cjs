// mcp-framework wants zod 3 as a dependency and as a peer; as a peer it would be given the zod 4 of the others, which it cannot use.
exports.hooks = {
  readPackage (pkg) {
    if (pkg.name === 'mcp-framework') delete pkg.peerDependencies.zod
    return pkg
  }
}
