import type { FastifyReply, FastifyRequest } from 'fastify'
import { mostNotebookMinutes, type NotebookTokens } from '../../auth/granted/notebook-tokens.ts'
import { displayOf } from '../../studies/definition/study-request.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { copyButton, copyScript } from '../page/copy-button.ts'
import { box, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { moment } from '../page/time.ts'
import { ticked, typed } from '../page/typed.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import { type Chosen, chosenIn, kindsOf } from './notebook-chosen.ts'
import { sendNotebookFile } from './notebook-file.ts'
import { type Snippet, snippetLanguages } from './notebook-snippet.ts'
import { type ReadStudy, readStudyOf } from './read-study.ts'
import { sendStudyPage } from './study-tabs.ts'

/** Data of a study for a notebook: chosen kinds, as a snippet with a token for a limited time, or as a file. */
export const studyNotebookPage: AddPage = (server, options) => {
  const { accounts } = options
  const { notebookTokens } = server.authorization
  const onRequest = requireSession
  const at = '/studies/:id/notebook'
  server.get<OfStudy>(at, { onRequest }, async (request, reply) =>
    sendNotebook(reply, options, await readStudyOf(request, options)),
  )
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const read = await readStudyOf(request, options)
    const chosen = chosenIn(request.body, read, options)
    if (chosen === undefined) return sendNothingChosen(reply, options, read)
    const made = await makeSnippet(request, chosen, { notebookTokens, address: accounts.address() })
    return sendNotebook(reply, options, read, { made })
  })
  for (const format of ['ndjson', 'csv'] as const)
    server.post<OfStudy>(`${at}/readings.${format}`, { onRequest }, async (request, reply) => {
      const read = await readStudyOf(request, options)
      const chosen = chosenIn(request.body, read, options)
      if (chosen === undefined) return sendNothingChosen(reply, options, read)
      return sendNotebookFile(request, reply, options, { read, chosen, format })
    })
}

const sendNothingChosen = (reply: FastifyReply, options: PageOptions, read: ReadStudy): FastifyReply =>
  sendNotebook(reply.code(422), options, read, { problem: 'Choose at least one kind of data' })

type Making = { readonly notebookTokens: NotebookTokens; readonly address: string }

const makeSnippet = async (
  request: FastifyRequest<OfStudy>,
  { query, scopes }: Chosen,
  { notebookTokens, address }: Making,
): Promise<Snippet> => {
  const minutes = lengths.find(one => String(one) === typed(request.body, 'minutes')) ?? mostNotebookMinutes
  const { person, id: session } = sessionOf(request)
  const token = await notebookTokens.issue({ person, session, study: request.params.id, scopes, minutes })
  const endsAt = new Date(Date.now() + minutes * 60_000)
  return { url: `${address}/fhir/Observation?${query}`, token, endsAt }
}

const lengths = [15, 30, mostNotebookMinutes]

type Shown = { readonly problem?: string; readonly made?: Snippet }

const sendNotebook = (
  reply: FastifyReply,
  options: PageOptions,
  read: ReadStudy,
  { problem, made }: Shown = {},
): FastifyReply => {
  const kinds = kindsOf(read, options)
  return sendStudyPage(reply, read, {
    tab: '/notebook',
    isProblem: problem !== undefined,
    content: html`${problemList([{ name: 'kinds', problem }])}
${made && snippets(made)}
${
  kinds.length === 0
    ? html`<p>The study asks for no readings yet. Its <a href="/studies/${read.study.id}/settings/data">settings</a> say what it asks for.</p>`
    : html`<p>Choose what you want to work with. You get what patients share with this study, and you may see, at the moment it is read.</p>
${choiceForm(reply, options, read, { kinds, problem })}`
}`,
  })
}

const snippets = (
  snippet: Snippet,
): Html => html`<section aria-labelledby="made" class="alert alert-success" tabindex="-1" autofocus>
<h2 id="made" class="alert-heading">Your snippet</h2>
<p>It is shown once. The token in it reads these kinds of data of this study until ${moment(snippet.endsAt)}; <a href="/account/apps">end it earlier</a> if somebody else may have seen it.</p>
</section>
${Object.entries(snippetLanguages).map(
  ([language, { name, text }]) => html`<h3>${name}</h3>
<p>${copyButton(`snippet-${language}`, `the snippet in ${name}`)}</p>
<pre class="border rounded p-3" tabindex="0" role="region" aria-label="Snippet in ${name}"><code id="snippet-${language}">${text(snippet)}</code></pre>`,
)}
${copyScript}`

type Choice = { readonly kinds: readonly string[]; readonly problem: string | undefined }

/** What was chosen before is still chosen. */
const choiceForm = (
  reply: FastifyReply,
  { codeClasses }: PageOptions,
  { study }: ReadStudy,
  { kinds, problem }: Choice,
): Html => {
  const { body } = reply.request
  const chosen = new Set(ticked(body, 'kind'))
  const page = `/studies/${study.id}/notebook`
  return postForm(
    { action: page, token: ownToken(reply), novalidate: true },
    html`<fieldset class="field mb-4${problem && ' wrong'}"${problem && html` aria-describedby="kinds-problem"`}>
<legend class="form-label fw-semibold fs-6">Kinds of data</legend>
${problem && html`<p class="invalid-feedback d-block mt-0" id="kinds-problem">${problem}</p>`}
${kinds.map((kind, index) => box({ type: 'checkbox', name: 'kind', value: kind, label: displayOf(kind, codeClasses), isChosen: chosen.has(kind), ...(index === 0 && { id: 'kinds' }) }))}
</fieldset>
${selectField({ name: 'minutes', label: 'Token valid for', value: typed(body, 'minutes') || '60', choices: lengths.map(minutes => ({ value: String(minutes), label: `${minutes} minutes` })) })}
<div class="d-flex flex-wrap gap-3">
<button class="btn btn-primary">Create a snippet</button>
<button class="btn btn-outline-primary" formaction="${page}/readings.ndjson">Download as NDJSON</button>
<button class="btn btn-outline-primary" formaction="${page}/readings.csv">Download as CSV</button>
</div>`,
  )
}
