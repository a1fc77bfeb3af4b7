#pragma once

#include <string_view>

namespace samhain::server {

// The fixed parts of our own status page.  No script, nothing from elsewhere; colours only repeat
// what words say.  On a wall screen the table flows through as many columns as fit.
inline constexpr std::string_view kPageTop = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Report</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="refresh" content="120">
<style>
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#1b1f24;--soft:#555d66;
--line:#d9dde2;--bad:#b3141d;--badbg:#fde8e8;--late:#8a4b00;--latebg:#fdf0dc;--good:#14652f;
--goodbg:#e3f4e8;--offbg:#e9ecef}
@media (prefers-color-scheme:dark){:root{--page:#14171a;--card:#1d2125;--ink:#e8eaed;
--soft:#a7afb8;--line:#363c43;--bad:#ff9a98;--badbg:#4a1a1d;--late:#ffc36b;--latebg:#41300f;
--good:#86d9a0;--goodbg:#173a24;--offbg:#2b3036}}
*{box-sizing:border-box}
body{margin:0;padding:1rem clamp(.75rem,2vw,2.5rem);background:var(--page);color:var(--ink);
font:clamp(15px,13px + .35vw,21px)/1.45 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{margin:0 0 .4rem;font-size:1.5em;line-height:1.2}
p{display:inline-block;margin:0 1.6em .3rem 0;color:var(--soft)}
p b{color:var(--ink);font-weight:600;font-variant-numeric:tabular-nums}
.sum{display:flex;flex-wrap:wrap;gap:.5rem;margin:.6rem 0 1.1rem;padding:0;list-style:none}
.sum li{padding:.35rem .8rem;border:1px solid var(--line);border-radius:.5rem;
background:var(--card)}
.sum b{font-size:1.35em;font-variant-numeric:tabular-nums;margin-right:.15em}
li.bad{background:var(--badbg);color:var(--bad);border-color:currentColor}
li.good{background:var(--goodbg);color:var(--good);border-color:currentColor}
.sheet{columns:42rem;column-gap:2.5rem}
table{width:100%;border-collapse:collapse;background:var(--card)}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{break-inside:avoid}
th,td{padding:.3em .6em;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
th[scope=row]{font-weight:600;overflow-wrap:anywhere}
td:nth-child(2){white-space:nowrap}
td:last-child{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;
color:var(--soft)}
thead th{border:0;color:var(--soft);font-size:.85em}
thead th:last-child{text-align:right}
.h{break-after:avoid}
.h th{padding-top:.5em;background:var(--offbg);font-size:.9em}
.bad .h th{background:var(--badbg);color:var(--bad)}
.late .h th{background:var(--latebg);color:var(--late)}
.good .h th{background:var(--goodbg);color:var(--good)}
.x{color:var(--bad);font-weight:700}
.o td{padding-top:.05em;padding-bottom:.1em;border:0;font-size:.85em;color:var(--soft)}
.o{break-before:avoid}
.o .x{color:var(--late);font-weight:600}
body:not(:has(#all:checked)) :is(.good,.off) .o{display:none}
label{display:inline-block;margin:0 0 .8rem;color:var(--soft);cursor:pointer}
@media (max-width:34rem){thead,.o td:first-child{display:none}
table,tbody,.h,.h th{display:block}
tr:not(.h){display:grid;grid-template-columns:1fr auto;border-top:1px solid var(--line)}
tr.o{border:0}
th[scope=row]{grid-column:1/-1}
th,td{padding:.2em .5em;border:0}
td:last-child{font-size:.9em}}
</style>
</head>
<body>
<h1>Samhain Server Report</h1>
)";

inline constexpr std::string_view kTableTop =
    R"(<label><input type="checkbox" id="all"> Earlier events of all
clients</label>
<main class="sheet">
<table>
<caption>Clients, those that need attention first</caption>
<thead><tr><th scope="col">Host</th><th scope="col">Status</th><th scope="col">Time</th></tr></thead>
)";

inline constexpr std::string_view kTableEnd = "</table>\n</main>\n</body>\n</html>\n";

inline constexpr std::string_view kNotRunning = "<main>\n<h2>The server is not running.</h2>\n";
inline constexpr std::string_view kPageEnd = "</main>\n</body>\n</html>\n";

}  // namespace samhain::server
