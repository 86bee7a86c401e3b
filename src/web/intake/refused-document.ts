import { beginning } from '../../fhir/beginning.ts'
import type { Issue } from '../../fhir/error.ts'
import { isObject } from '../../fhir/json.ts'
import type { Mhealth } from '../../mhealth/mhealth.ts'
import { type Html, html } from '../page/html.ts'
import { documentLines, plainly } from './document-lines.ts'

type Attached = ReturnType<Mhealth['attachedTo']>[number]

/** Whatever is in the place of each document, and also the Observation around it if that was what was refused. */
export const refusedDocument = (body: unknown, attached: readonly Attached[], issues: readonly Issue[]): Html => {
  const pointers = issues.flatMap(({ pointer }) => pointer ?? [])
  const around = issues.flatMap(({ pointer, expression }) =>
    pointer === undefined && expression !== undefined ? [pointerIn(body, expression)] : [],
  )
  return html`${attached.map(one => shown(one, pointers))}
${around.length > 0 && html`<h2>What was sent around it</h2>${linesOrText(withoutDocuments(body), around, observation)}`}`
}

const document = 'The document'
const observation = 'What was sent around it'

const shown = (attached: Attached, pointers: readonly string[]): Html => {
  switch (attached.kind) {
    case 'json':
      return linesOrText(attached.tree, pointers, document, attached.text)
    case 'text':
      return asText(attached.text)
    case 'binary':
      return html`<p>${attached.size} bytes that are not text.</p>`
  }
}

/** JSON may be nested too deeply to be laid out. */
const linesOrText = (tree: unknown, pointers: readonly string[], label: string, text = ''): Html => {
  try {
    return documentLines(tree, pointers, label)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return asText(text)
  }
}

const asText = (text: string): Html => html`<p>It cannot be laid out in its parts. This is its text:</p>
<pre class="border rounded p-3 plain-text" tabindex="0" role="region" aria-label="${document}">${plainly(beginning(text, most), most)}</pre>
${text.length > most && html`<p>These are the first ${most} of ${text.length} characters.</p>`}`

const most = 20_000

/** Leaves out the base64, whose content is shown. */
const withoutDocuments = (body: unknown): unknown => {
  if (!isObject(body)) return body
  const { valueAttachment, extension } = body
  return {
    ...body,
    ...(isObject(valueAttachment) && { valueAttachment: withoutBytes(valueAttachment) }),
    ...(Array.isArray(extension) && { extension: extension.map(withoutAttached) }),
  }
}

const withoutAttached = (extension: unknown): unknown =>
  isObject(extension) && isObject(extension.valueAttachment)
    ? { ...extension, valueAttachment: withoutBytes(extension.valueAttachment) }
    : extension

const withoutBytes = (attachment: object) => ({ ...attachment, ...('data' in attachment && { data: '…' }) })

/** Finds `/component/0/valueQuantity` for `Observation.component[0].value`: in JSON, a choice has its type in its name. */
const pointerIn = (body: unknown, expression: string): string => {
  const steps = expression.match(/(?<=\.)\w+|(?<=\[)\d+/g) ?? []
  let [at, pointer] = [body, '']
  for (const step of steps) {
    const name = isObject(at) ? nameIn(at, step) : step
    pointer += `/${name}`
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined
  }
  return pointer
}

const nameIn = (record: Record<string, unknown>, step: string): string =>
  step in record
    ? step
    : (Object.keys(record).find(
        name => name.startsWith(step) && /^[A-Z]/.test(name.slice(step.length)) && name !== 'valueAttachment',
      ) ?? step)
