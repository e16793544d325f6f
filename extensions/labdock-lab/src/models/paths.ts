/** Whether a path is this one, or lies below it; both may name a drive, as `RTC:work/a.py`. */
export function isWithin(path: string, folder: string): boolean {
  const [one, other] = [plain(path), plain(folder)];
  return other === '' || one === other || one.startsWith(`${other}/`);
}

function plain(path: string): string {
  return path.replace(/^[^/:]*:/, '').replace(/^\/|\/$/g, '');
}
