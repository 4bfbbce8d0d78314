/** An `import` of node:http reads all that it exports, WebSocket among it, which loads 14 MB that nobody here needs. */
export const { request } = process.getBuiltinModule('node:http');
