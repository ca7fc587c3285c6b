/** What a shell reads so that it completes `pawl`: each asks `pawl __complete WORDS…`, and takes files where nothing fits. */

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** Of no command that is named in a help: for these scripts alone. */
export const completeCall = '__complete';

export const completionScripts: Record<Shell, string> = {
  // Words by blanks: bash itself would also part `-p name=value` at its `=`.
  bash: `# Completes pawl in bash:  source <(pawl completion bash)
_pawl() {
  local typed=\${COMP_LINE:0:COMP_POINT} word rest
  local -a words=()
  read -ra words <<<"$typed"
  [[ $typed == *[[:space:]] ]] && words+=('')
  COMPREPLY=()
  while IFS=$'\\t' read -r word rest; do
    COMPREPLY+=("$word")
  done < <("$1" ${completeCall} "\${words[@]:1}" 2>/dev/null)
}
complete -o default -F _pawl pawl
`,
  zsh: `#compdef pawl
# Completes pawl in zsh:  source <(pawl completion zsh), after compinit
_pawl() {
  local line
  local -a found
  while IFS= read -r line; do
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done < <("\${words[1]}" ${completeCall} "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#found} )); then
    _describe pawl found
  else
    _files
  fi
}
if [[ \${funcstack[1]} == _pawl ]]; then
  _pawl "$@"
else
  compdef _pawl pawl
fi
`,
  fish: `# Completes pawl in fish:  pawl completion fish | source
function __pawl_complete
    set -l before (commandline -opc)
    set -l now (commandline -ct)
    set -l found ($before[1] ${completeCall} $before[2..-1] "$now" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$now"
    end
end
complete -c pawl -f -a '(__pawl_complete)'
`,
};
