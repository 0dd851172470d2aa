enum ReportStyle {
  static let css = """
    :root { --ink:#1a2230; --soft:#566072; --line:#d5dae3; --band:#f4f6f9; --blue:#1f5aa6; --amber:#8a5200; --red:#a11d1d; }
    * { box-sizing:border-box; }
    body { margin:0 auto; padding:24px 20px 48px; max-width:1080px; background:#fff; color:var(--ink);
      font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif; }
    h1 { font-size:1.75rem; line-height:1.2; margin:0 0 4px; }
    h2 { font-size:1.3rem; margin:40px 0 8px; padding-bottom:4px; border-bottom:2px solid var(--ink); }
    h3 { font-size:1.08rem; margin:0 0 4px; }
    h4 { font-size:.95rem; margin:18px 0 6px; }
    p { margin:6px 0; max-width:75ch; }
    .meta, .note, figcaption, caption { color:var(--soft); font-size:.875rem; }
    .words { max-width:none; border:2px solid var(--ink); padding:10px 14px; margin:16px 0; font-weight:600; }
    section { margin:18px 0 28px; }
    .scroll { overflow-x:auto; }
    table { border-collapse:collapse; font-size:.9rem; font-variant-numeric:tabular-nums; margin:8px 0; }
    caption { text-align:left; padding-bottom:4px; }
    caption span { display:block; max-width:min(75ch, calc(100vw - 52px)); }
    .list { display:block; min-width:240px; } .bar { min-width:90px; }
    th, td { padding:5px 10px; text-align:left; border-bottom:1px solid var(--line); vertical-align:top; }
    thead th { border-bottom:2px solid var(--ink); font-weight:600; }
    tbody th { font-weight:600; overflow-wrap:break-word; min-width:8em; }
    .n { text-align:right; white-space:nowrap; } thead th.n { white-space:normal; vertical-align:bottom; }
    td code, th code { white-space:nowrap; }
    code { font:0.86em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace; overflow-wrap:anywhere; }
    .tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(130px,1fr)); gap:10px; margin:12px 0; padding:0; }
    .tile { border:1px solid var(--line); border-radius:6px; padding:8px 12px; background:#fff; }
    .tile dt { color:var(--soft); font-size:.82rem; }
    .tile dd { margin:0; font-size:1.45rem; font-weight:650; font-variant-numeric:tabular-nums; line-height:1.25; }
    .tile small { display:block; font-size:.78rem; font-weight:400; color:var(--soft); }
    .bad dd, .bad { color:var(--red); }
    .pair { display:grid; grid-template-columns:minmax(0,1fr); gap:12px 28px; align-items:start; }
    .pair th, .pair td { padding:5px 6px; }
    @media screen and (min-width:900px) { .pair { grid-template-columns:minmax(0,400px) minmax(0,1fr); } }
    .pair > * { min-width:0; }
    figure { margin:10px 0; } .chart { display:inline-block; vertical-align:top; width:400px; max-width:100%; margin-right:24px; }
    svg { display:block; max-width:100%; height:auto; }
    svg text { font-family:inherit; fill:var(--ink); }
    .badge { display:inline-block; padding:0 7px; border:1px solid currentColor; border-radius:10px; font-size:.75rem;
      font-weight:600; white-space:nowrap; color:var(--soft); background:#fff; }
    .badge.syn { color:var(--amber); background:#fff6e5; letter-spacing:.03em; }
    .badge.yes { color:#17602f; } .badge.no { color:#7a2e0b; }
    .grid { display:grid; grid-template-columns:repeat(auto-fill,minmax(158px,1fr)); gap:8px; }
    .grid.wide { grid-template-columns:repeat(auto-fill,minmax(190px,1fr)); }
    .grid figure { margin:0; } .grid figcaption { line-height:1.3; }
    .spectrum image { image-rendering:pixelated; }
    .paper { overflow-x:auto; } .paper svg { max-width:none; }
    .synthetic { border:2px solid var(--amber); border-radius:8px; padding:2px 18px 10px; margin-top:44px;
      background-color:#fff; background-image:url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='360' height='260'%3E%3Ctext x='180' y='144' text-anchor='middle' transform='rotate(-30 180 130)' font-family='sans-serif' font-size='40' font-weight='700' fill='%238a5200' fill-opacity='.085'%3ESYNTHETIC%3C/text%3E%3C/svg%3E"); }
    .synthetic h2 { margin-top:16px; color:var(--amber); border-color:var(--amber); }
    .synthetic .warn { color:var(--amber); font-weight:600; }
    .contents { columns:2; column-gap:32px; padding-left:18px; font-size:.9rem; } .contents ul { padding-left:18px; }
    .contents > li { break-inside:avoid; margin-bottom:6px; font-weight:600; } .contents ul li { font-weight:400; }
    a { color:var(--blue); }
    .flow { list-style:none; padding:0; margin:12px 0; max-width:560px; }
    .flow li + li::before { content:"↓"; display:block; margin-left:110px; line-height:1.3; color:var(--soft); }
    .flow .step { display:block; border:1.5px solid var(--ink); border-radius:4px; padding:6px 12px; background:#fff; }
    .flow strong { display:block; } .flow .left { display:block; margin:0 0 4px 134px; }
    footer { margin-top:36px; border-top:1px solid var(--line); padding-top:10px; }
    @media (max-width:600px) {
      body { padding:16px 12px 32px; font-size:15px; } h1 { font-size:1.4rem; } th, td { padding:4px 7px; }
      .contents { columns:1; } .synthetic { padding:2px 10px 8px; } .grid, .grid.wide { grid-template-columns:repeat(2,1fr); }
    }
    @media print {
      @page { margin:14mm; }
      body { max-width:none; padding:0; font-size:10.5pt; }
      * { print-color-adjust:exact; -webkit-print-color-adjust:exact; }
      figure, tr, .tile, .words { break-inside:avoid; } h2, h3, h4 { break-after:avoid; }
      thead { display:table-header-group; } .scroll, .paper { overflow:visible; } td code, th code { white-space:normal; }
      tr td, tr th { padding:3px 6px; } .synthetic { padding:1mm 2mm; -webkit-box-decoration-break:clone; box-decoration-break:clone; }
    }
    """
}
