import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A connection to the database through an address of its own: `join` decides what passes from the near end to the far one and back. */
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

/** A connection to the database that breaks once, right after a given text was sent, or instead of sending it. */
export const openBreakingWire = async (url: string) => {
  let cut: string | undefined
  let isSent = true
  const wire = await openWire(url, (near, far) => {
    far.pipe(near)
    near.on('close', () => far.end())
    near.on('data', bytes => {
      const isCut = cut !== undefined && bytes.includes(cut)
      const end = () => {
        if (isCut) near.destroy()
      }
      if (isCut && !isSent) end()
      else far.write(bytes, end)
      if (!isCut) return
      cut = undefined
      far.unpipe(near)
    })
  })
  return {
    ...wire,
    cutAt: (text: string) => {
      cut = text
      isSent = true
    },
    cutBefore: (text: string) => {
      cut = text
      isSent = false
    },
  }
}

/** A connection to the database that breaks instead of sending a given text, each time that it is to be sent, until it is let through. */
export const openBrokenWire = async (url: string, text: string) => {
  let isBroken = true
  const wire = await openWire(url, (near, far) => {
    far.pipe(near)
    near.on('close', () => far.end())
    near.on('data', bytes => (isBroken && bytes.includes(text) ? near.destroy() : far.write(bytes)))
  })
  const mend = () => {
    isBroken = false
  }
  return { ...wire, mend }
}
