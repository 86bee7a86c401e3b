import fastifyMultipart, { type MultipartFile } from '@fastify/multipart'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { largePieces } from '../../messages/large-pieces.ts'

type Taken = { readonly mostBytes: number; readonly mostFields: number }

/**
 * Accepts one file beside the fields of a form. A file that is too large is not kept, but the fields are read all the same, so that nobody has
 * to type them twice. The same is true of any file if nobody is signed in.
 */
export const takeFile = async (within: FastifyInstance, { mostBytes, mostFields }: Taken): Promise<void> => {
  await within.register(fastifyMultipart, {
    throwFileSizeLimit: false,
    limits: { fileSize: mostBytes, files: 1, fields: mostFields, fieldSize: 1000, parts: mostFields + 1 },
  })
  // The plugin reads the bytes from the network, even if they were decompressed, and would wait forever for ones that are never sent.
  within.addHook('onRequest', async ({ headers }) => {
    if (isMultipart(headers) && headers['content-encoding'] !== undefined)
      throw new FhirError('not-supported', 'A form with a file is sent without a Content-Encoding', { status: 415 })
  })
  within.addHook('preValidation', async request => {
    if (!request.isMultipart()) return
    try {
      request.body = await formIn(request)
    } catch (error) {
      // Errors of the parser, for a body that is cut off or has no boundary, have no status.
      if (error instanceof Error && 'statusCode' in error) throw error
      throw new FhirError('structure', 'The form is not well-formed multipart/form-data', { cause: error })
    }
  })
}

const isMultipart = ({ 'content-type': type = '' }: FastifyRequest['headers']): boolean =>
  /^multipart\/form-data\b/i.test(type)

const formIn = async (request: FastifyRequest): Promise<Readonly<Record<string, unknown>>> => {
  const form: Record<string, unknown> = {}
  for await (const part of request.parts()) {
    const value = part.type === 'file' ? await fileIn(part, request) : part.value
    const { fieldname } = part
    form[fieldname] = Object.hasOwn(form, fieldname) ? [form[fieldname], value].flat() : value
  }
  return form
}

const fileIn = async (part: MultipartFile, { session }: FastifyRequest): Promise<unknown> => {
  if (session === undefined) {
    part.file.resume()
    return part.filename === '' ? null : leftOut
  }
  const bytes = Buffer.concat(await Array.fromAsync(largePieces(part.file)))
  // A field that is left empty is sent too, as a file without a name.
  if (part.file.truncated) return tooLarge
  return bytes.length === 0 && part.filename === '' ? null : bytes
}

const leftOut = Symbol('a file of nobody')
const tooLarge = Symbol('a file that was too large')

export type SentFile =
  | { readonly kind: 'file'; readonly bytes: Buffer }
  | { readonly kind: 'none' }
  | { readonly kind: 'too-large' }

/** The file in the field, as `takeFile` left it. */
export const sentFile = (body: unknown, name: string): SentFile => {
  const file: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined
  if (file === tooLarge) return { kind: 'too-large' }
  return Buffer.isBuffer(file) ? { kind: 'file', bytes: file } : { kind: 'none' }
}

/** Whether there was a file that was not read because nobody is signed in. */
export const isFileLeftOut = (body: unknown): boolean => Object.values(body ?? {}).includes(leftOut)
