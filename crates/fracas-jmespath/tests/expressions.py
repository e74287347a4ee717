"""Prints data, and for each expression what Python's jmespath finds in it, one JSON line each."""
import json

import jmespath
from jmespath.exceptions import JMESPathError

DATA = {
    "z": [{"n": "b", "s": 2, "t": [1, [2]]}, {"n": "a", "s": 1.5, "t": []}, {"s": 1, "n": "c", "x": None}],
    "a": {"y": 1, "x": [[1], 2, None], "b": {"d": True, "c": "é"}},
    "none": None,
    "empty": [],
    "texts": ["b", "a", "c"],
}

EXPRESSIONS = """
@ | a | a.b | a.b.c | none.x | missing | z[0] | z[-1] | z[9] | z[-9] | z[].n | z[*].n | z[].t | z[].t[] | z[].t[][]
a.* | a.b.* | *.b | z[1:] | z[::-1].n | z[-2:].n | z[:1:-1].n | z[5:0:-2].n | z[?s > `1`].n | z[?n == 'a'] | z[?n >= 'b'].n
z[?s == `1.0`].n | z[?x].n | z[?!x].n | z[?t && s > `1`].n | z[?t || s == `1`].n | z[].{n: n, a: s, l: length(t)}
z[].[n, s] | none.[a] | none.{a: b} | [z[0].n, a.y] | {z: z[0].n, a: a.y} | z[0] == z[0] | a.x == `[[1], 2, null]` | a.x[]
z[?contains(n, 'a')].n | contains(texts, 'b') | sort(texts) | sort_by(z, &n) | sort_by(z, &s)[].n | max_by(z, &s).n | min_by(z, &s)
max_by(empty, &s) | map(&n, z) | map(&x, z) | reverse(z)[].n | reverse(texts) | reverse('abc') | not_null(none, a.y) | to_array(a.y)
to_array(texts) | keys(a) | values(a.b) | merge(a.b, {d: `1`, e: 'x'}) | length(z) | length(a) | length('é') | to_string(a.b.d)
to_string(`"x"`) | to_number('1.5') | to_number('x') | type(a) | type(none) | join(', ', texts) | join(', ', z[].n) | sum(z[].s) | sum(`[1, 2]`) | sum(empty)
avg(z[].s) | abs(`-1`) | abs(`-1.5`) | ceil(`2`) | avg(`[1, 3]`) | ceil(`1.2`) | floor(`1.8`) | max(z[].s) | min(texts) | starts_with('abc', 'a') | ends_with('abc', 'c')
z[?s < `2`] \\| [0].n | z[*] \\| [0] | "a"."b" | a.b.d && 'yes' \\|\\| 'no' | !none | `true` | 'raw' | z[?n != 'a' && s != `2`].n
length(`1`) | sort_by(z, &t) | sort_by(z, &missing) | nothing(z) | z[::0] | max_by(z, &t) | join(',', z) | abs('x') | keys(z) | merge(z)
sort_by(empty, &n) | map(&n, none) | reverse(a) | sort(z) | length() | sort_by(z, n) | values(z) | not_null() | a.y < a.b | texts[0] < texts[1]
to_string(a) | to_string(z[0].s) | to_number(' 12 ') | to_number('+5') | to_number('-1e3') | to_number(none) | to_number(texts) | to_number(`true`)
ceil(`-1.5`) | floor(`-1.5`) | abs(`-0.5`) | sum(`[1, 2.5]`) | sum(texts) | avg(empty) | avg(texts) | max(empty) | min(empty) | max(`[1, "a"]`) | sort(`[2, 1.5, 1]`)
max_by(`[{"a": 1, "b": 1}, {"a": 1, "b": 2}]`, &a).b | min_by(`[{"a": 1, "b": 1}, {"a": 1, "b": 2}]`, &a).b | max_by(z, &x) | max_by(z, n)
contains('abc', `1`) | contains('abc', 'b') | contains(z, `1`) | contains(a.x, `[1]`) | contains(a, 'b') | starts_with(texts, 'a') | ends_with('a', `1`)
join(`1`, texts) | join('', empty) | length(none) | keys(none) | values(a.b)[0] | merge(a, none) | merge(a, a.b).y | to_array(none) | type(texts) | type(`1.5`) | type('') | type(a)
map(&[n, s], z)[0] | map(&n, a) | not_null(none, missing) | sort_by(z, &n) \| reverse(@)[0].n | sort_by(z[?n], &n)[*].s | length(z[?t]) | length(z[].t[])
z[?starts_with(n, 'a')] \| [0].s | z[?length(t) > `0`].n | z[].to_string(s) | z[].{n: n, first: t[0]} | z[?n == 'a' \|\| n == 'b'].s | z[?(s > `1`) == `true`].n | reverse(`[]`)
z[-3] | z[2:0:-1].n | z[:-1].n | z[10:].n | a[0] | a[*] | z.* | texts[*].x | texts.x | @.a | z[0].["n", s] | z[0].[n] | z[*].[n][] | z[*].t[0] | z[*].t \| [0]
z[?n == `a`].s | z[?n==` a`].s | `foo bar` | `foo\\\\`bar` | `[1` | 'a`b' | `"é"` | `é` | z[?n == `b`] \| [0].n | a.b.c == `é` | ``
a.b.c == 'é' | a.b.c > 'a' | `1` == `true` | `"1"` == `1` | none == missing | !empty | !a | !`0` | `0` && 'a' | `0` \|\| 'a' | '' \|\| 'b' | (a).y | (z)[0].n | (z[*])[0].n
"""


def found(expression):
    try:
        return {"found": json.dumps(jmespath.search(expression, DATA), ensure_ascii=False, separators=(",", ":"))}
    # Values that Python cannot compare or count are a plain TypeError.
    except (JMESPathError, TypeError, AttributeError, ValueError):
        return {"error": True}


print(json.dumps(DATA))
expressions = EXPRESSIONS.replace("\\|", "\0").replace("\n", " | ").split(" | ")
for text in filter(None, (text.replace("\0", "|").strip() for text in expressions)):
    print(json.dumps({"expression": text, **found(text)}))
