import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A wire to the database under an address of its own: `join` says what comes through from the near end to the far one and back. */
export const openWire = async (url: string, join: (near: Socket, far: Socket) => void) => {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const server = createServer(near => {
    const far = connect(Number(port), hostname)
    for (const socket of [near, far]) sockets.add(socket.on('error', () => {}))
    join(near, far)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = new URL(url)
  address.search = ''
  address.hostname = '127.0.0.1'
  address.port = String((server.address() as AddressInfo).port)
  return {
    address: address.href,
    end: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
