// Generates src/generated from the program's interface file; with --check, fails when what is committed is stale.
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { rootNodeFromAnchor } from '@codama/nodes-from-anchor';
import { renderVisitor } from '@codama/renderers-js';
import { createFromRoot } from 'codama';

import { errorsSource, eventsSource, prepare, programSource } from './interface.mjs';

const client = join(dirname(fileURLToPath(import.meta.url)), '..');
const committed = join(client, 'src', 'generated');

/** Renders into a temporary directory and returns it. */
async function render() {
  const idl = JSON.parse(readFileSync(join(client, '..', '..', 'idl', 'plimsoll.json'), 'utf8'));
  const directory = mkdtempSync(join(tmpdir(), 'plimsoll-generate-'));
  const options = { generatedFolder: '.', kitImportStrategy: 'rootOnly', syncPackageJson: false };
  await createFromRoot(rootNodeFromAnchor(prepare(idl))).accept(renderVisitor(directory, options));
  // The renderer's plugin for kit's client objects is for an older kit, and its error messages are left out of production
  // builds: these two pages are written here.
  writeFileSync(join(directory, 'programs', 'plimsoll.ts'), programSource(idl));
  writeFileSync(join(directory, 'errors', 'plimsoll.ts'), errorsSource(idl));
  writeFileSync(join(directory, 'events.ts'), eventsSource(idl));
  const index = join(directory, 'index.ts');
  writeFileSync(index, `${readFileSync(index, 'utf8')}export * from "./events";\n`);
  return directory;
}

function filesOf(directory) {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/** Files that differ between two directories or are in one only. */
function differences(left, right) {
  const [ours, theirs] = [filesOf(left), filesOf(right)];
  const all = [...new Set([...ours, ...theirs])];
  const same = (file) =>
    ours.includes(file) && theirs.includes(file) && readFileSync(join(left, file)).equals(readFileSync(join(right, file)));
  return all.filter((file) => !same(file));
}

const fresh = await render();
try {
  if (process.argv.includes('--check')) {
    const stale = differences(fresh, committed);
    if (stale.length > 0) {
      console.error(`stale: ${stale.join(', ')}\nrun npm run generate -w client and commit the result`);
      process.exitCode = 1;
    }
  } else {
    rmSync(committed, { recursive: true, force: true });
    cpSync(fresh, committed, { recursive: true });
    console.log(`${filesOf(committed).length} files written to ${relative(process.cwd(), committed)}`);
  }
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
