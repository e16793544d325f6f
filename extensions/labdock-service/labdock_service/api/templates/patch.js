"use strict";

/**
 * Make what is on the page like `html`, and touch nothing that is like it already.
 *
 * So focus, selection and scroll stay, and a part that a person opened stays open. Elements with
 * an id are the same ones wherever they move to.
 */
function patch(element, html) {
  const wanted = document.createElement("template");
  wanted.innerHTML = html;
  patchChildren(element, wanted.content);
}

function patchChildren(element, wanted) {
  const kept = new Set([...wanted.children].map((child) => child.id).filter(Boolean));
  const known = new Map();
  for (const child of [...element.children]) {
    if (kept.has(child.id)) {
      known.set(child.id, child);
    } else if (child.id) {
      child.remove();
    }
  }
  let at = element.firstChild;
  for (const child of [...wanted.childNodes]) {
    const same = child.id ? known.get(child.id) : at && !at.id && at.nodeName === child.nodeName ? at : null;
    if (!same) {
      element.insertBefore(child, at);
      continue;
    }
    while (at && at !== same && !at.id) {
      at = dropped(at);
    }
    if (same !== at) {
      element.insertBefore(same, at);
    } else {
      at = at.nextSibling;
    }
    patchNode(same, child);
  }
  while (at) {
    at = dropped(at);
  }
}

/** Remove a node; what followed it. */
function dropped(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function patchNode(node, wanted) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.data !== wanted.data) {
      node.data = wanted.data;
    }
    return;
  }
  if (node.nodeName !== wanted.nodeName) {
    node.replaceWith(wanted);
    return;
  }
  for (const { name } of [...node.attributes]) {
    if (name !== "open" && !wanted.hasAttribute(name)) {
      node.removeAttribute(name);
    }
  }
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value) {
      node.setAttribute(name, value);
    }
  }
  patchChildren(node, wanted);
}
