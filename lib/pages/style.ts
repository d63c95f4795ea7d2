// The one stylesheet of the pages, constant so that the policy can name it by its hash. No fonts, no images, no script.
// Colours keep a contrast of 4.5:1 for text and 3:1 for what marks a control (WCAG 2.2, 1.4.3 and 1.4.11) in both schemes.
export const STYLE = `
:root{color-scheme:light dark;--page:#f3f4f6;--card:#fff;--text:#1c2127;--muted:#57606a;--line:#d8dce2;--field:#7b8490;--accent:#1d5bbf;--over:#174a9c;--on-accent:#fff;--warn:#fff5dc;--warn-line:#b07d00;--bad:#fdecec;--bad-line:#c0362c}
@media (prefers-color-scheme:dark){:root{--page:#14171b;--card:#1d2126;--text:#e8eaed;--muted:#a5adb8;--line:#353b44;--field:#7d8793;--accent:#8ab4f8;--over:#a9c8fa;--on-accent:#10213d;--warn:#332a12;--warn-line:#d9a72b;--bad:#3a1c1b;--bad-line:#f0857c}}
*{box-sizing:border-box}
body{margin:0;padding:clamp(12px,6vh,72px) 12px 24px;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:27rem;margin:0 auto;padding:28px;background:var(--card);border:1px solid var(--line);border-radius:14px;overflow-wrap:anywhere}
@media (max-width:30rem){main{padding:20px 18px}}
.server{margin:0 0 20px;color:var(--muted);font-size:.875rem;font-weight:600;letter-spacing:.01em}
h1{margin:0 0 8px;font-size:1.375rem;line-height:1.3;font-weight:650}
h2{margin:20px 0 4px;font-size:.875rem;line-height:1.4;font-weight:600;color:var(--muted)}
p{margin:0 0 12px}
main>:last-child{margin-bottom:0}
main:has(pre){max-width:46rem}
pre{margin:4px 0 12px;padding:10px 12px;border:1px solid var(--line);border-radius:8px;background:var(--page);font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre;overflow-x:auto}
dl{margin:0}
dt{margin-top:8px;font-weight:600}
dd{margin:0;font-size:.9375rem}
.small{font-size:.875rem;color:var(--muted)}
.to{margin:0 0 8px;padding:10px 14px;border:1px solid var(--line);border-radius:8px;background:var(--page);font-size:1.125rem;font-weight:600}
.before{font-weight:400;color:var(--muted)}
.to .small{font-weight:400;white-space:normal}
ul{margin:0;padding:0;list-style:none}
li{padding:8px 0;border-top:1px solid var(--line)}
li:first-child{border-top:0;padding-top:2px}
details{margin:4px 0 0;font-size:.9375rem}
summary{min-height:24px;padding:4px 0;cursor:pointer}
details li{padding:3px 0 3px 18px;border:0}
code{font:.8125rem/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--muted)}
.note{margin:8px 0 14px;padding:10px 14px;border-left:4px solid var(--warn-line);border-radius:6px;background:var(--warn);font-size:.9375rem}
.note.bad{border-color:var(--bad-line);background:var(--bad)}
.note p{margin:0}
form{margin:0}
label{display:block;margin:14px 0 4px;font-size:.9375rem;font-weight:600}
input{display:block;width:100%;min-height:46px;padding:9px 12px;border:1px solid var(--field);border-radius:8px;background:var(--card);color:var(--text);font:inherit}
input[aria-invalid]{border-color:var(--bad-line)}
fieldset{margin:20px 0 0;padding:0;border:0}
legend{padding:0;font-size:.875rem;line-height:1.4;font-weight:600;color:var(--muted)}
label.choice{display:flex;align-items:center;gap:10px;min-height:32px;margin:10px 0 0}
label.choice input{flex:none;width:24px;height:24px;min-height:0;margin:0;padding:0;accent-color:var(--accent)}
label.choice+details{margin:0 0 0 34px}
.actions{display:flex;flex-wrap:wrap;gap:10px;margin-top:22px}
button,.button{flex:1 1 7rem;min-height:46px;padding:10px 16px;border:1px solid var(--accent);border-radius:8px;background:var(--accent);color:var(--on-accent);font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer}
button:hover,.button:hover{background:var(--over);border-color:var(--over)}
button.plain{border-color:var(--field);background:transparent;color:var(--text)}
button.plain:hover{border-color:var(--text)}
button.link{display:inline;min-height:24px;padding:0;border:0;background:none;color:var(--accent);font-weight:400;text-decoration:underline;text-underline-offset:2px}
button.link:hover{color:var(--over)}
a{color:var(--accent)}
p>a:only-child{display:inline-block;min-height:24px}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.who{margin:20px 0 0;padding-top:14px;border-top:1px solid var(--line)}
`
