import type { FastifyMultipartAttachFieldsToBodyOptions, MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'

type Taken = { readonly mostBytes: number; readonly mostFields: number }

/**
 * One file beside the fields of a form. What is larger is not kept, and the fields are read all the same: nobody types them twice. So it is
 * with any file of whoever is not signed in.
 */
export const takingFile = ({ mostBytes, mostFields }: Taken): FastifyMultipartAttachFieldsToBodyOptions => ({
  attachFieldsToBody: 'keyValues',
  throwFileSizeLimit: false,
  limits: { fileSize: mostBytes, files: 1, fields: mostFields, fieldSize: 1000, parts: mostFields + 1 },
  async onFile(this: FastifyRequest, part: MultipartFile) {
    if (this.session === undefined) {
      part.file.resume()
      Object.assign(part, { value: part.filename === '' ? null : leftOut })
      return
    }
    const bytes = await part.toBuffer()
    // A field left empty is sent as well, as a file of no name.
    const value = bytes.length === 0 && part.filename === '' ? null : bytes
    Object.assign(part, { value: part.file.truncated ? tooLarge : value })
  },
})

const leftOut = Symbol('a file of nobody')
const tooLarge = Symbol('a file that was too large')

export type SentFile =
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly kind: 'none' }
  | { readonly kind: 'too-large' }

/** The file in that field, as `takingFile` left it. */
export const sentFile = (body: unknown, name: string): SentFile => {
  const file: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  if (file === tooLarge) return { kind: 'too-large' }
  return Buffer.isBuffer(file) ? { kind: 'file', bytes: file } : { kind: 'none' }
}

/** Whether a file came along that was not taken, because nobody is signed in. */
export const isFileLeftOut = (body: unknown): boolean => Object.values(body ?? {}).includes(leftOut)
