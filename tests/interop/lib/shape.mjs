// The shape of JSON: for every path the set of types seen there. Array items share one path, written `*`.

const typeOf = (value) => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

// Recordings end long arrays and strings with a note about what was cut, and replace bulky rows by one.
const isCut = (value) => typeof value === "string" && /\.\.\. (\d+ in total|trimmed|\(\d+ chars\))|^trimmed$/.test(value);

export class Shape {
  paths = new Map();

  add(value, path = "") {
    if (isCut(value)) return this;
    const types = this.paths.get(path) ?? new Set();
    this.paths.set(path, types.add(typeOf(value)));
    if (Array.isArray(value)) for (const item of value) this.add(item, `${path}/*`);
    else if (value !== null && typeof value === "object") {
      for (const [key, child] of Object.entries(value)) if (key !== "...") this.add(child, `${path}/${key}`);
    }
    return this;
  }

  // What `ours` lacks of this shape, or has with another type; only the topmost path of a missing part is named.
  differences(ours) {
    const found = [];
    for (const [path, types] of [...this.paths].sort(([a], [b]) => a.localeCompare(b))) {
      const parent = path.slice(0, path.lastIndexOf("/"));
      if (found.some((row) => path.startsWith(`${row.path}/`))) continue;
      const have = ours.paths.get(path);
      if (have) {
        const known = [...have].filter((type) => type !== "null");
        if (known.length > 0 && types.size > 0 && !known.some((type) => types.has(type)) && !(types.size === 1 && types.has("null"))) {
          found.push({ path, kind: `is ${known.join("|")}, was ${[...types].join("|")}` });
        }
        continue;
      }
      // An array or map that happens to be empty here says nothing about what it would hold.
      const above = ours.paths.get(parent);
      const emptyAbove = above?.has("null") || (path.endsWith("/*") && above?.has("array"));
      if (!emptyAbove && !hasEmptyAncestor(path, ours)) found.push({ path: path || "/", kind: "missing" });
    }
    return found;
  }
}

function hasEmptyAncestor(path, ours) {
  const parts = path.split("/");
  for (let end = parts.length - 1; end > 0; end -= 1) {
    const prefix = parts.slice(0, end).join("/");
    const types = ours.paths.get(prefix);
    if (types) return types.has("array") || (types.size === 1 && types.has("null"));
  }
  return false;
}
