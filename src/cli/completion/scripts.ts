/** What `isle __complete` prints is one candidate a line: the word, then, after a tab, what it means. */
const bash = `# bash completion for isle
_isle() {
  local IFS=$'\\n' line words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    [ "$line" = ":files" ] && { compopt -o default; return; }
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <("\${COMP_WORDS[0]}" __complete "\${words[@]}" 2>/dev/null)
  [[ "\${COMPREPLY[0]}" == *= ]] && compopt -o nospace
}
complete -F _isle isle
`;

const zsh = `#compdef isle
_isle() {
  local -a lines
  local line
  while IFS= read -r line; do
    [[ "$line" == ":files" ]] && { _files; return; }
    lines+=("\${\${line//:/\\\\:}/$'\\t'/:}")
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe -t isle isle lines
}
compdef _isle isle
`;

const fish = `# fish completion for isle
function __isle_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c isle -f -a "(__isle_complete)"
`;

/** Completion scripts by shell. */
export const completionScripts: Readonly<Record<string, string>> = { bash, zsh, fish };
