"""What bash, zsh and fish run when somebody presses the tab key, and what they are answered.

Each hands the command line up to the cursor over in `_REFLOAT_LINE` and reads one candidate a line: what kind
it is, the word, and what to say about it, with tabs between. After an `open` word something may follow.
"""

import os

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

BASH = r"""_refloat() {
    local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^:=@]/} kept= kind value
    local word=${line##*[[:space:]]}
    # What is chosen goes behind the last word break that is not quoted, and not in place of the whole word.
    if [[ -n $breaks && $word != [\"\']* ]]; then
        kept=${word%"${word##*[$breaks]}"}
    fi
    COMPREPLY=()
    while IFS=$'\t' read -r kind value _; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open) compopt -o nospace; COMPREPLY+=("${value#"$kept"}") ;;
            plain) COMPREPLY+=("${value#"$kept"}") ;;
        esac
    done < <(_REFLOAT_LINE=$line _REFLOAT_COMPLETE=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F _refloat refloat
"""

ZSH = r"""#compdef refloat

_refloat() {
    local answer line="${(j: :)${(@q)words[1,CURRENT-1]}} $PREFIX"
    local -a answers parts open plain told
    answers=("${(@f)$(_REFLOAT_LINE=$line _REFLOAT_COMPLETE=zsh_complete ${~words[1]} 2>/dev/null)}")
    for answer in $answers; do
        parts=("${(@ps:\t:)answer}")
        case $parts[1] in
            dir) _path_files -/ ;;
            file) _path_files ;;
            open) open+=("$parts[2]") ;;
            plain) [[ -n $parts[3] ]] && told+=("${parts[2]//:/\\:}:$parts[3]") || plain+=("$parts[2]") ;;
        esac
    done
    (( $#open )) && compadd -S '' -a open
    (( $#plain )) && compadd -a plain
    (( $#told )) && _describe -V word told
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _refloat "$@"
else
    compdef _refloat refloat
fi
"""

FISH = r"""function _refloat
    set -l line (commandline -cp | string collect)
    set -l program (commandline -opc)[1]
    for answer in (_REFLOAT_LINE=$line _REFLOAT_COMPLETE=fish_complete $program 2>/dev/null)
        set -l parts (string split \t -- $answer)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline -ct)
            case file
                __fish_complete_path (commandline -ct)
            case '*'
                printf '%s\t%s\n' $parts[2] "$parts[3]"
        end
    end
end

complete --no-files --command refloat --arguments '(_refloat)'
"""


class Shell(ShellComplete):
    """What all three shells share: they differ in their script only."""

    def source(self) -> str:
        """Return the script."""
        return self.source_template

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one that is being typed, without the command, and that one."""
        line = os.environ.get("_REFLOAT_LINE", "")
        words = split_arg_string(line)
        typed = words.pop() if words and not line[-1].isspace() else ""
        return words[1:], typed

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """Return the candidates, each as a whole word: of `--repo=te` too."""
        found = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("--"):
            for item in found:
                item.value = f"{option}={item.value}"
        return found

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return the line of one candidate."""
        return "\t".join((item.type, item.value, " ".join((item.help or "").split())))


@add_completion_class
class Bash(Shell):
    """GNU bash 4.4 or newer."""

    name = "bash"
    source_template = BASH


@add_completion_class
class Zsh(Shell):
    """zsh, after `compinit`."""

    name = "zsh"
    source_template = ZSH


@add_completion_class
class Fish(Shell):
    """fish 3.1 or newer."""

    name = "fish"
    source_template = FISH
