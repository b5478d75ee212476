"use strict";

/** Make an element. Strings among the children become text, never HTML; what is null or false is left out. */
function make(tag, attributes, ...children) {
  const drawn = ["svg", "rect", "line", "text", "g", "path", "image"].includes(tag);
  const element = drawn ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== false && child !== undefined));
  return element;
}

const byId = (id) => document.getElementById(id);
const numerals = new Intl.NumberFormat("en");
const shown = (number) => numerals.format(number);
const plural = (number, one, many) => `${shown(number)} ${number === 1 ? one : many}`;
const lastPart = (address) => address.replace(/[\\/]+$/, "").split(/[\\/]/).pop() || address;
