// The API reference without Swagger UI: every operation and every schema of /openapi.json as headings and tables.
import { h } from './h.mjs';

const reference = (schema) => (schema.$ref ?? '').split('/').pop();

// What a schema allows, in one line: "string, at most 200 characters", "list of Warning", "integer or null".
function describe(schema) {
  if (schema === undefined || schema === true) return 'anything';
  if (schema.$ref) return reference(schema);
  if (schema.anyOf) return schema.anyOf.map(describe).join(' or ');
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  const limits = [
    schema.format, schema.minimum !== undefined ? `from ${schema.minimum}` : null,
    schema.exclusiveMinimum !== undefined ? `above ${schema.exclusiveMinimum}` : null,
    schema.maximum !== undefined ? `to ${schema.maximum}` : null,
    schema.maxLength !== undefined ? `at most ${schema.maxLength} characters` : null,
    schema.maxItems !== undefined ? `at most ${schema.maxItems} items` : null,
  ].filter((limit) => limit);
  const name = schema.type === 'array' ? `list of ${describe(schema.items)}` : schema.type ?? 'anything';
  return [name, ...limits].join(', ');
}

function table(label, headings, rows) {
  return rows.length === 0 ? null
    : h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label }, h('table', {},
      h('thead', {}, h('tr', {}, headings.map((heading) => h('th', { scope: 'col' }, heading)))),
      h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell) => h('td', {}, cell)))))));
}

function operation(method, path, item) {
  const id = `${method.toUpperCase()} ${path}`;
  const body = Object.entries(item.requestBody?.content ?? {}).map(([type, media]) => [type, describe(media.schema)]);
  const parameters = (item.parameters ?? []).map((p) => [p.name, p.in, describe(p.schema), p.description ?? '']);
  const answers = Object.entries(item.responses).map(([status, answer]) => [
    status, answer.description, Object.entries(answer.content ?? {}).map(([type, media]) => `${type}: ${describe(media.schema)}`).join('; '),
  ]);
  return h('section', { class: 'card' },
    h('h3', {}, h('code', {}, id)), h('p', {}, item.summary),
    item.security ? h('p', { class: 'hint' }, `Scope: ${item.security.flatMap((s) => Object.values(s)).flat().join(', ')}`) : null,
    table(`Parameters of ${id}`, ['Parameter', 'In', 'Value', ''], parameters),
    table(`Body of ${id}`, ['Body', 'Value'], body),
    table(`Answers of ${id}`, ['Status', 'Meaning', 'Content'], answers));
}

function component(name, schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([key, property]) => [
    key, required.has(key) ? 'required' : '', describe(property), property.description ?? '',
  ]);
  return h('section', { class: 'card' }, h('h3', {}, name), schema.description ? h('p', {}, schema.description) : null,
    rows.length > 0 ? table(`Members of ${name}`, ['Member', '', 'Value', ''], rows) : h('p', {}, describe(schema)));
}

const target = document.getElementById('operations');
const response = await fetch('/openapi.json');
const api = await response.json();
target.replaceChildren(
  h('h2', {}, 'Operations'),
  ...Object.entries(api.paths).flatMap(([path, item]) => Object.entries(item).map(([method, o]) => operation(method, path, o))),
  h('h2', {}, 'Schemas'),
  ...Object.entries(api.components.schemas).map(([name, schema]) => component(name, schema)));
