import { type Html, html } from './html.ts'

export type Field = {
  readonly name: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password'
  readonly value?: string | undefined
  readonly hint?: string | Html
  /** What is wrong with what was typed; it is told next to the field, and at the top of the page. */
  readonly problem?: string | undefined
  /** https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill */
  readonly autocomplete: string
  readonly inputmode?: 'numeric' | 'url'
  readonly optional?: true
  /** Lines; absent: one, which holds no line break. */
  readonly rows?: number
  /** Of what is written into it, where that is not the language of the page. */
  readonly language?: string | undefined
}

/** One labelled input. Passwords and codes are never sent back. */
export const field = (one: Field): Html => {
  const { name, label, hint, problem } = one
  return html`<div class="field mb-4${problem && ' wrong'}">
<label for="${name}" class="form-label fw-semibold">${label}</label>
${hint && html`<p class="form-text mt-0" id="${name}-hint">${hint}</p>`}
${problem && html`<p class="invalid-feedback d-block mt-0" id="${name}-problem">${problem}</p>`}
${one.rows === undefined ? oneLine(one) : lines(one)}
</div>`
}

const oneLine = (one: Field): Html => {
  const { name, type = 'text', value, inputmode, autocomplete } = one
  return html`<input class="${controlOf(one)}" id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}"${type !== 'text' && html` autocapitalize="none" spellcheck="false"`}
${value !== undefined && html` value="${value}"`}${inputmode && html` inputmode="${inputmode}"`}${about(one)}>`
}

const lines = (one: Field): Html => {
  const { name, value, rows, autocomplete } = one
  // HTML leaves out a line break that stands first.
  return html`<textarea class="${controlOf(one)}" id="${name}" name="${name}" rows="${rows}" autocomplete="${autocomplete}" autocapitalize="none" spellcheck="false"${about(one)}>
${value}</textarea>`
}

const controlOf = ({ problem }: Field): string => (problem === undefined ? 'form-control' : 'form-control is-invalid')

const about = ({ name, hint, problem, optional, language }: Field): Html => {
  const described = [hint && `${name}-hint`, problem && `${name}-problem`].filter(Boolean).join(' ')
  return html`${language && html` lang="${language}"`}${!optional && html` required`}${described !== '' && html` aria-describedby="${described}"`}${problem && html` aria-invalid="true"`}`
}

/**
 * All that is wrong: the page opens where it stands, however far down, it is announced to whoever does not see it, and each entry
 * leads to its field.
 */
export const problemList = (
  fields: readonly Pick<Field, 'name' | 'problem'>[],
  title = 'Please check what you entered',
): Html | undefined => {
  const wrong = fields.filter(({ problem }) => problem !== undefined)
  if (wrong.length === 0) return undefined
  return html`<div class="alert alert-danger" role="alert" tabindex="-1" autofocus>
<h2 class="alert-heading">${title}</h2>
<ul>${wrong.map(({ name, problem }) => html`<li><a href="#${name}">${problem}</a></li>`)}</ul>
</div>`
}

/** Something to be told first of all: that something is wrong, or done, or how things stand where neither is so. */
export const notice = (kind: keyof typeof notices, content: Html): Html => notices[kind](content)

const notices = {
  problem: (content: Html) => html`<div class="alert alert-danger" role="alert">${content}</div>`,
  done: (content: Html) => html`<div class="alert alert-success" role="status">${content}</div>`,
  standing: (content: Html) => html`<div class="alert alert-secondary">${content}</div>`,
} as const

export type Option = { readonly value: string; readonly label: string }

type PostForm = {
  readonly action: string
  /** By which the server knows its own page. */
  readonly token: string
  /** Sent along unseen; what is undefined is not. */
  readonly hidden?: Readonly<Record<string, string | undefined>>
  /** Of what is wrong in it this server tells, which says more than a browser. */
  readonly novalidate?: true
  readonly hasFile?: true
  /** Whether it shows what was sent already. */
  readonly isTyped?: boolean
  readonly id?: string
  readonly class?: string
}

/** The only maker of a form that posts: none forgets its token. */
export const postForm = (one: PostForm, content: Html): Html => {
  const { action, token, hidden, novalidate, hasFile, isTyped, id } = one
  return html`<form method="post" action="${action}"${one.class && html` class="${one.class}"`}${hasFile && html` enctype="multipart/form-data"`}${id && html` id="${id}"`}${isTyped && html` data-typed`}${novalidate && html` novalidate`}>
${Object.entries({ _csrf: token, ...hidden }).map(([name, value]) => value !== undefined && hiddenField(name, value))}
${content}
</form>`
}

/** Sent along unseen. */
export const hiddenField = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}">`

type Form = Pick<PostForm, 'action' | 'token' | 'hidden'> & {
  readonly fields: readonly Field[]
  readonly button: string
  /** What else is asked, behind the fields. */
  readonly more?: Html
  /** What stands above what is wrong. */
  readonly problemTitle?: string
}

/** Fields and a button, with what is wrong before them. */
export const form = ({
  fields,
  button,
  more,
  problemTitle,
  ...sent
}: Form): Html => html`${problemList(fields, problemTitle)}
${postForm(
  { ...sent, novalidate: true },
  html`${fields.map(field)}
${more}
<button class="btn btn-primary">${button}</button>`,
)}`

type Box = {
  /** One of several, or one that may be ticked. */
  readonly type: 'radio' | 'checkbox'
  readonly name: string
  readonly value: string
  readonly label: Html | string
  /** Stands below the label, and belongs to it. */
  readonly hint?: string | undefined
  readonly isChosen?: boolean | undefined
  readonly id?: string
  /** Whether it is of a list that grows or shrinks: a browser that goes back puts ticks back by their place, and so on others. */
  readonly isListed?: true
}

/** What is chosen by pressing it, or the words beside it. */
export const box = ({ type, name, value, label, hint, isChosen, id, isListed }: Box): Html =>
  html`<label class="form-check"><input class="form-check-input" type="${type}"${isListed && html` autocomplete="off"`}${id && html` id="${id}"`} name="${name}" value="${value}"${isChosen && html` checked`}> <span class="form-check-label">${label}${hint && html`<span class="d-block text-body-secondary">${hint}</span>`}</span></label>`
