import { type Html, html } from './html.ts'

export type Field = {
  readonly name: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password'
  readonly value?: string | undefined
  readonly hint?: string | Html
  /** What is wrong with the typed text. It is shown next to the field, and at the top of the page. */
  readonly problem?: string | undefined
  /** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill */
  readonly autocomplete: string
  readonly inputmode?: 'numeric' | 'url'
  readonly optional?: true
  /** How many lines it has; absent: one, without line breaks. */
  readonly rows?: number
  /** Whether others read it as sentences. Everything else, such as addresses and keys, browsers are asked to leave as it is typed. */
  readonly isProse?: true
  /** It is a day: where there are scripts, a button beside it opens a calendar, with the day on which this begins. */
  readonly calendar?: { readonly label: string; readonly day: string }
  /** The language of the text in it, if it is not that of the page. */
  readonly language?: string | undefined
}

/** One labelled input. Passwords and codes are never sent back. */
export const field = (one: Field): Html => labelled(one, one.rows === undefined ? oneLine(one) : lines(one))

/** For one file, of the kinds in `accept`. */
export const fileField = (one: Named & { readonly accept: string }): Html =>
  labelled(
    one,
    html`<input class="${controlOf(one)}" id="${one.name}" name="${one.name}" type="file" accept="${one.accept}"${about(one)}>`,
  )

type Named = Pick<Field, 'name' | 'label' | 'hint' | 'problem' | 'optional' | 'language'>

const labelled = ({ name, label, hint, problem }: Named, control: Html): Html =>
  html`<div class="field mb-4${problem && ' wrong'}">
<label for="${name}" class="form-label fw-semibold">${label}</label>
${hint && html`<p class="form-text mt-0" id="${name}-hint">${hint}</p>`}
${problem && html`<p class="invalid-feedback d-block mt-0" id="${name}-problem">${problem}</p>`}
${control}
</div>`

const oneLine = (one: Field): Html => {
  const { name, type = 'text', value, inputmode, autocomplete, calendar } = one
  return html`<input class="${controlOf(one)}" id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}"${type !== 'text' && html` autocapitalize="none" spellcheck="false"`}
${value !== undefined && html` value="${value}"`}${inputmode && html` inputmode="${inputmode}"`}${calendar && html` data-calendar="${calendar.label}" data-day="${calendar.day}"`}${about(one)}>`
}

/** With `off`, a browser that goes back drops what was typed. https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill */
export const putBack = 'on'

const lines = (one: Field): Html => {
  const { name, value, rows, isProse } = one
  // Browsers suggest nothing for several lines, so there is nothing to ask them to leave out.
  const autocomplete = one.autocomplete === 'off' ? putBack : one.autocomplete
  // HTML drops the first line break, so there is an extra one.
  return html`<textarea class="${controlOf(one)}" id="${name}" name="${name}" rows="${rows}" autocomplete="${autocomplete}"${!isProse && html` autocapitalize="none" spellcheck="false"`}${about(one)}>
${value}</textarea>`
}

const controlOf = ({ problem }: Named): string => (problem === undefined ? 'form-control' : 'form-control is-invalid')

const about = ({ name, hint, problem, optional, language }: Named): Html => {
  const described = [hint && `${name}-hint`, problem && `${name}-problem`].filter(Boolean).join(' ')
  return html`${language && html` lang="${language}"`}${!optional && html` required`}${described !== '' && html` aria-describedby="${described}"`}${problem && html` aria-invalid="true"`}`
}

/**
 * Everything that is wrong. The page opens where this is, however far down, screen readers announce it, and each entry links to its field,
 * which it names if the same is wrong with several.
 */
export const problemList = (
  fields: readonly (Pick<Field, 'name' | 'problem'> & Partial<Pick<Field, 'label'>>)[],
  title = 'Please check what you entered',
): Html | undefined => {
  const wrong = fields.filter(isWrong)
  if (wrong.length === 0) return undefined
  const isShared = (text: string | undefined) => wrong.filter(({ problem }) => problem === text).length > 1
  return html`<div class="alert alert-danger" role="alert" tabindex="-1" autofocus>
<h2 class="alert-heading">${title}</h2>
<ul>${wrong.map(({ name, label, problem }) => html`<li><a href="#${name}">${label !== undefined && isShared(problem) && `${label}: `}${problem}</a></li>`)}</ul>
</div>`
}

export const isWrong = ({ problem }: { readonly problem?: string | undefined }): boolean => problem !== undefined

/**
 * Something to say before anything else. What answers something that somebody has just done, `problem` and `done`, has the focus as the list of
 * problems does, since a screen reader does not announce what was in the page from the beginning; the others say how things are.
 */
export const notice = (kind: keyof typeof notices, content: Html): Html => notices[kind](content)

const notices = {
  problem: (content: Html) =>
    html`<div class="alert alert-danger" role="alert" tabindex="-1" autofocus>${content}</div>`,
  done: (content: Html) =>
    html`<div class="alert alert-success" role="status" tabindex="-1" autofocus>${content}</div>`,
  warning: (content: Html) => html`<div class="alert alert-danger">${content}</div>`,
  settled: (content: Html) => html`<div class="alert alert-success">${content}</div>`,
  standing: (content: Html) => html`<div class="alert alert-secondary">${content}</div>`,
} as const

export type Option = {
  readonly value: string
  readonly label: string
  /** That of the label, if it is not the language of the page. */
  readonly language?: string | undefined
}

type PostForm = {
  readonly action: string
  /** The token by which the server recognises its own page. */
  readonly token: string
  /** Hidden fields; undefined ones are not sent. */
  readonly hidden?: Readonly<Record<string, string | undefined>>
  /** Browsers do not check the form, since the server says more precisely what is wrong. */
  readonly novalidate?: true
  readonly hasFile?: true
  /** Whether it shows values that were sent already. */
  readonly isTyped?: boolean
  /** Whether its boxes are in a list that grows or shrinks: a browser that goes back restores ticks by their position, and so on the wrong items. */
  readonly isListed?: true
  readonly id?: string
  readonly class?: string
}

/** Makes every form that posts, so that none lacks its token. */
export const postForm = (one: PostForm, content: Html): Html => {
  const { action, token, hidden, novalidate, hasFile, isTyped, isListed, id } = one
  return html`<form method="post" action="${action}"${one.class && html` class="${one.class}"`}${hasFile && html` enctype="multipart/form-data"`}${id && html` id="${id}"`}${isTyped && html` data-typed`}${isListed && html` autocomplete="off"`}${novalidate && html` novalidate`}>
${Object.entries({ _csrf: token, ...hidden }).map(([name, value]) => value !== undefined && hiddenField(name, value))}
${content}
</form>`
}

/** A field that is sent but not shown. */
export const hiddenField = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}">`

type Form = Pick<PostForm, 'action' | 'token' | 'hidden'> & {
  readonly fields: readonly Field[]
  /** The e-mail address of the account whose password it sets or asks for, if no field has it. */
  readonly account?: string | undefined
  readonly button: string
  /** More questions after the fields. */
  readonly more?: Html
  /** The heading above the problems. */
  readonly problemTitle?: string
}

/** Fields and a button, with the problems before them. */
export const form = ({
  fields,
  account,
  button,
  more,
  problemTitle,
  ...sent
}: Form): Html => html`${problemList(fields, problemTitle)}
${postForm(
  { ...sent, novalidate: true },
  html`${account !== undefined && accountField(account)}${fields.map(field)}
${more}
<button class="btn btn-primary">${button}</button>`,
)}`

/**
 * For password managers, which otherwise keep a password for what is typed before it, such as a name. It is neither shown nor sent.
 * https://www.chromium.org/developers/design-documents/form-styles-that-chromium-understands/
 */
const accountField = (email: string): Html =>
  html`<input type="email" autocomplete="username" value="${email}" readonly hidden>
`

type Box = {
  /** One of several choices, or one that can be ticked. */
  readonly type: 'radio' | 'checkbox'
  readonly name: string
  readonly value: string
  readonly label: Html | string
  /** Shown below the label, and belongs to it. */
  readonly hint?: Html | string | undefined
  readonly isChosen?: boolean | undefined
  readonly id?: string
  /** What is wrong with its not being ticked; it needs an `id` then. */
  readonly problem?: string | undefined
}

/** A box that is chosen by pressing it, or the words beside it. */
export const box = ({ type, name, value, label, hint, isChosen, id, problem }: Box): Html =>
  html`${
    problem &&
    html`<p class="invalid-feedback d-block mt-0" id="${id}-problem">${problem}</p>
`
  }<label class="form-check"><input class="form-check-input" type="${type}"${id && html` id="${id}"`} name="${name}" value="${value}"${isChosen && html` checked`}${problem && html` aria-describedby="${id}-problem" aria-invalid="true"`}> <span class="form-check-label">${label}${hint && html`<span class="d-block text-body-secondary">${hint}</span>`}</span></label>`
