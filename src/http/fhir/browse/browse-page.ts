import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const textOf = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8')

/** Comes after what Swagger UI brings along. */
export const browseTheme = {
  title: 'Sharewell',
  css: [{ filename: 'browse.css', content: textOf('browse.css') }],
  js: [{ filename: 'browse.js', content: textOf('browse.js') }],
}

/**
 * The page in which Swagger UI is shown. The one that it brings along fits on no phone, and is empty without
 * JavaScript.
 */
export const browsePage = (): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The API – Sharewell</title>
<link rel="icon" type="image/svg+xml" href="/static/icon.svg">
${['swagger-ui.css', 'index.css', 'theme/browse.css'].map(file => `<link rel="stylesheet" href="/docs/static/${file}">`).join('\n')}
</head>
<body>
<div id="swagger-ui"></div>
<noscript><p>This page needs JavaScript. What it shows is in <a href="/openapi.json">the OpenAPI document</a>.</p></noscript>
${['swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'swagger-initializer.js', 'theme/browse.js'].map(file => `<script src="/docs/static/${file}"></script>`).join('\n')}
</body>
</html>
`
