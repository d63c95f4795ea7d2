// The packages that hold Node's binary name their system as text, which pnpm does not record: without this every machine gets all of them.
exports.hooks = {
  readPackage (manifest) {
    if (manifest.bin?.node !== undefined) {
      for (const field of ['os', 'cpu']) manifest[field] = [manifest[field]].flat()
    }
    return manifest
  }
}
