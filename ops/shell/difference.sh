# shellcheck shell=bash
# What another release would change, for whoever decides on it. Nothing is changed to find out.

# show_difference SOURCE CURRENT: the checkout, against the release in use.
show_difference() {
  printf 'In use:  %s\nOffered: %s\n' "$FORMER" "$RELEASE"
  if [[ $RELEASE == "$FORMER" ]]; then printf '\nIt is the same: nothing would change.\n'; return; fi
  listed 'Steps of the database that it would take; they only add, so that the release in use works on with it:' \
    "$(comm -13 <(steps_of "$2") <(steps_of "$1"))"
  listed 'Settings that it adds (docs/configuration.md of it says what they do):' "$(comm -13 <(settings_of "$2") <(settings_of "$1"))"
  listed "Settings that it does not have any more, and that $CONFIGURATION sets:" \
    "$(comm -23 <(settings_of "$2") <(settings_of "$1") | comm -12 - <(sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$CONFIGURATION" 2>/dev/null | sort -u))"
  listed 'What its CHANGELOG.md says and that of the release in use does not:' \
    "$(diff --unchanged-group-format='' --old-group-format='' --changed-group-format='%>' --new-group-format='%>' "$2/CHANGELOG.md" "$1/CHANGELOG.md" 2>/dev/null | grep .)"
  printf '\nTo use it: the same command without --check. The database is backed up first.\n'
}

# listed TITLE LINES: nothing where there are no lines.
listed() {
  if [[ -z $2 ]]; then return; fi
  printf '\n%s\n\n' "$1"
  # They come from outside: nothing of them may steer a terminal.
  awk '{ print "  " $0 }' <<<"$2" | tr -d '\000-\010\013-\037\177'
}

steps_of() { (cd "$1/migrations" 2>/dev/null && ls -- *.ts 2>/dev/null) | sed 's/\.ts$//' | sort; }
settings_of() { sed -n 's/^#\{0,1\}\([A-Z][A-Z0-9_]*\)=.*/\1/p' "$1/.env.example" 2>/dev/null | sort -u; }
