# bash completion of gpulet, printed by: gpulet help --completion bash
_gpulet() {
    local current=${COMP_WORDS[COMP_CWORD]} first= pair= word words=
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in --) return ;; -*) continue ;; esac
        if [ -z "$first" ]; then first=$word
        elif [ -z "$pair" ]; then pair="$first $word"; fi
    done
    if [ -z "$first" ]; then words=" up down status version doctor gpus host unhost pause resume reclaim listings search quote rent request requests cancel leases lease market earnings spending ledger receipts clear peers peer allow deny identity config testnet help"; fi
    case $first in
    'lease') words="$words show" ;;&
    'lease') words="$words logs" ;;&
    'lease') words="$words extend" ;;&
    'lease') words="$words end" ;;&
    'receipts') words="$words show" ;;&
    'receipts') words="$words export" ;;&
    'receipts') words="$words verify" ;;&
    'peer') words="$words add" ;;&
    'identity') words="$words show" ;;&
    'identity') words="$words backup" ;;&
    'identity') words="$words restore" ;;&
    'config') words="$words show" ;;&
    'config') words="$words get" ;;&
    'config') words="$words set" ;;&
    'config') words="$words explain" ;;&
    'testnet') words="$words up" ;;&
    'testnet') words="$words ps" ;;&
    'testnet') words="$words logs" ;;&
    'testnet') words="$words kill" ;;&
    'testnet') words="$words restart" ;;&
    'testnet') words="$words down" ;;&
    esac
    if [ "${current#-}" != "$current" ]; then
        words=" --data --node --dir --json --help"
        [ "$first" != 'up' ] || words="$words --config --network --listen --stream-listen --advertise --stream-advertise --peer --label --region --up --down --cpu-threads --ram --disk --kwh-price --spend-per-lease --spend-per-day --decide --auction --auction-rule --first-uid --records-max --inbound-max --inbound-per-address --inbound-per-net --handshakes --passphrase-file --log --log-level --issuer --seed --simulate"
        [ "$first" != 'down' ] || words="$words --wait"
        [ "$first" != 'host' ] || words="$words --gpu --ask --interruptible-ask --when --min --max --notice --minimum-run --reclaims-per-day --owed --works --renter-reliability --for --image-allow --dry-run"
        [ "$first" != 'unhost' ] || words="$words --gpu --dry-run"
        [ "$first" != 'pause' ] || words="$words --gpu --dry-run"
        [ "$first" != 'resume' ] || words="$words --gpu --dry-run"
        [ "$first" != 'reclaim' ] || words="$words --gpu --dry-run"
        [ "$first" != 'listings' ] || words="$words --mine"
        [ "$first" != 'search' ] || words="$words --where --gpu --vendor --vram --fp16 --bandwidth --cuda --capability --nvlink --same-fabric --region --up --down --reliability --work --isolation --notice --interruptible --count --hosts --for --max-price --max-total --limit --explain"
        [ "$first" != 'quote' ] || words="$words --where --gpu --vendor --vram --fp16 --bandwidth --cuda --capability --nvlink --same-fabric --region --up --down --reliability --work --isolation --notice --interruptible --count --hosts --for --max-price --max-total"
        [ "$first" != 'rent' ] || words="$words --where --gpu --vendor --vram --fp16 --bandwidth --cuda --capability --nvlink --same-fabric --region --up --down --reliability --work --isolation --notice --interruptible --count --hosts --for --max-price --max-total --env --no-input --detach --dry-run --wait --prepay --memory --listing --gang-min --spares --rank --image"
        [ "$first" != 'request' ] || words="$words --where --gpu --vendor --vram --fp16 --bandwidth --cuda --capability --nvlink --same-fabric --region --up --down --reliability --work --isolation --notice --interruptible --count --hosts --for --max-price --max-total --gang-min --spares --env --wait --prepay --memory --batch --auctioneer --units --units-min --unit-price"
        [ "$first" != 'leases' ] || words="$words --all"
        [ "$pair" != 'lease logs' ] || words="$words --follow"
        [ "$pair" != 'lease extend' ] || words="$words --by --dry-run"
        [ "$first" != 'market' ] || words="$words --scenario --seed --cards --cloud-price"
        [ "$first" != 'ledger' ] || words="$words --after --limit"
        [ "$pair" != 'receipts export' ] || words="$words --output"
        [ "$first" != 'clear' ] || words="$words --verify --export --output"
        [ "$pair" != 'identity backup' ] || words="$words --passphrase-file"
        [ "$pair" != 'identity restore' ] || words="$words --passphrase-file"
        [ "$pair" != 'testnet up' ] || words="$words --hosts --renters --seed --offers --varied --keep"
        [ "$pair" != 'testnet kill' ] || words="$words --now"
        [ "$pair" != 'testnet down' ] || words="$words --keep"
        [ "$first" != 'help' ] || words="$words --man --completion"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _gpulet gpulet
