import type { FastifyReply } from 'fastify'
import type { PaperScan } from '../../studies/consent/paper-scan.ts'

/**
 * Sends a scan to be kept as a file, never to be opened as a page of ours. Our pages take only PDF, JPEG and PNG; an app may have recorded anything:
 * a format that is not listed is sent as bytes of no known kind.
 */
export const sendScan = (reply: FastifyReply, { contentType, bytes }: PaperScan, name: string): FastifyReply => {
  const [type = ''] = contentType
    .toLowerCase()
    .split(';', 1)
    .map(text => text.trim())
  const ending = endings.get(type)
  return reply
    .type(ending === undefined ? 'application/octet-stream' : type)
    .headers({
      'cache-control': 'no-store',
      'content-disposition': `attachment; filename="${name}.${ending ?? 'bin'}"`,
    })
    .send(bytes)
}

/** Of pictures and documents that show a page, and run nothing. */
const endings: ReadonlyMap<string, string> = new Map([
  ['application/pdf', 'pdf'],
  ['image/bmp', 'bmp'],
  ['image/gif', 'gif'],
  ['image/heic', 'heic'],
  ['image/heif', 'heif'],
  ['image/jpeg', 'jpg'],
  ['image/png', 'png'],
  ['image/tiff', 'tiff'],
  ['image/webp', 'webp'],
])
