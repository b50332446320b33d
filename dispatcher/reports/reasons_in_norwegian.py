"""Why somebody was not reached, in Norwegian, by the English words of `words` and `providers.errors` (pure data)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_OUR_OWN: Final = {
    "nobody it was meant for may be told any more": "ingen av mottakerne kunne lenger varsles",
    "the owner of the number answered STOP": "eieren av nummeret har svart STOPP",
    "the student has answered, or is not to be asked there any more": "eleven har svart, eller skal ikke spørres der",
    "what the reminder asks for has come, or is not to be asked for there any more": (
        "det påminnelsen ber om, er kommet, eller skal ikke spørres etter der lenger"
    ),
    "confirmed before the call was made": "bekreftet før det ble ringt",
    "the alert was stopped before it left": "varselet ble stanset før den ble sendt",
    "another alert took its place before it left": "erstattet av et nytt varsel før den ble sendt",
    "nobody it was meant for has been told what it is about": "mottakerne hadde ikke fått det første varselet",
    "the alert expired before it left": "varselet var utløpt før den ble sendt",
    "the worker that sent it disappeared; whether it left is not known": (
        "programmet som sendte, forsvant; det er usikkert om den ble sendt"
    ),
    "the program failed while it sent the message; whether it left is not known": (
        "programmet feilet mens det sendte; det er usikkert om den ble sendt"
    ),
    "the provider never took it; waiting to be sent again": "leverandøren tok den aldri imot; sendes igjen",
    "waiting to be sent again under the same Message-ID": "sendes en gang til",
    "waiting to be sent": "venter på å bli sendt",
    "being sent": "sendes nå",
    "handed over, and not confirmed yet": "overlevert, ikke bekreftet ennå",
    "waiting to be tried again": "prøves igjen",
    "the provider did not say whether it took the message": "leverandøren sa ikke om den tok imot meldingen",
    "delivered": "levert",
    "cancelled before it left": "trukket før den ble sendt",
    # Entitled guardians without a message.
    "only contact points that nobody verified (--include-unverified uses them)": "bare ubekreftet kontaktinformasjon",
    "only contact points not confirmed for 18 months (used for actual alerts alone)": (
        "bare kontaktinformasjon som ikke er bekreftet på 18 måneder (brukes bare ved virkelige varsler)"
    ),
    "contact points only on a channel that this alert does not use": "bare på en kanal som ikke ble brukt",
    "earlier messages failed there again and again; it must be verified anew": (
        "tidligere meldinger kom ikke fram dit; må bekreftes på nytt"
    ),
    "only a fixed line, which cannot take SMS": "bare fasttelefon, som ikke kan ta imot SMS",
    "the address is shared with somebody who must not be contacted": (
        "nummeret eller adressen deles med noen som ikke skal kontaktes"
    ),
    "the earlier message of this alert did not go there": "fikk ikke det første varselet",
    "the guardian has confirmed another address with us": "den foresatte har bekreftet en annen adresse",
    "no phone number and no e-mail address": "verken telefonnummer eller e-postadresse",
    "no message was made": "ingen melding ble laget",
    # Students.
    "nobody is registered for the student": "ingen foresatt er registrert",
    "the student's birth date is unknown": "elevens fødselsdato er ukjent",
    "the student is protected": "eleven har adressesperre",
    "whether the student is protected is not known": "det er ukjent om eleven har adressesperre",
    "planning has not come to this student": "meldingene til denne eleven er ikke laget ennå",
    "protected: beredskap contacts explain tells who may look": "har adressesperre: navn og klasse vises ikke",
    "may be protected: the population register has not told it": (
        "kan ha adressesperre, Folkeregisteret har ikke svart: navn og klasse vises ikke"
    ),
    "may not be told any more: do not call": "skal ikke varsles lenger: ikke ring",
}

_PROVIDERS: Final = {
    "Twilio does not accept the account SID or the auth token in the settings": (
        "Twilio godtar ikke kontoen i innstillingene"
    ),
    "the Twilio account is not active": "kontoen hos Twilio er ikke i bruk",
    "the settings hold Twilio's test credentials, which cannot send": "testkontoen hos Twilio kan ikke sende",
    "Twilio does not know the account in the settings": "Twilio kjenner ikke kontoen i innstillingene",
    "Twilio takes no more requests just now": "Twilio tar ikke imot flere akkurat nå",
    "Twilio failed while it worked on the message": "Twilio feilet mens meldingen var til behandling",
    "Twilio was out of service while it worked on the message": "Twilio var ute av drift",
    "not a valid phone number": "ikke et gyldig telefonnummer",
    "Twilio does not accept the sender in the settings": "Twilio godtar ikke avsenderen i innstillingene",
    "a short number cannot be told": "et kortnummer kan ikke varsles",
    "the recipient's number is our own sender": "mottakerens nummer er vår egen avsender",
    "the Twilio account may not send to this country (switch it on under Geo permissions)": (
        "kontoen hos Twilio har ikke lov til å sende til dette landet"
    ),
    "the sender in the settings cannot send SMS": "avsenderen i innstillingene kan ikke sende SMS",
    "the message has no text": "meldingen har ingen tekst",
    "no sender is set": "ingen avsender er satt",
    "the message has no recipient": "meldingen har ingen mottaker",
    "the sender in the settings cannot send SMS to this destination": "avsenderen kan ikke sende SMS dit",
    "a Twilio trial account sends only to numbers verified at Twilio": (
        "en prøvekonto hos Twilio sender bare til numre som er bekreftet der"
    ),
    "Twilio does not accept the callback address in the settings": "Twilio godtar ikke adressen for kvitteringer",
    "the sender's queue at Twilio is full": "avsenderens kø hos Twilio er full",
    "Twilio cannot reach this number from this sender": "Twilio når ikke nummeret fra denne avsenderen",
    "not a mobile number": "ikke et mobilnummer",
    "the text is longer than Twilio takes (1,600 characters)": "teksten er lengre enn Twilio tar imot (1600 tegn)",
    "Twilio does not accept the message's validity period": "Twilio godtar ikke meldingens gyldighetstid",
    "a fixed line, which cannot take SMS": "en fasttelefon, som ikke kan ta imot SMS",
    "the message is not valid": "meldingen er ikke gyldig",
    "the sender in the settings is not accepted in the recipient's country": (
        "avsenderen godtas ikke i mottakerens land"
    ),
    "the sender in the settings does not belong to the Twilio account": "avsenderen hører ikke til kontoen hos Twilio",
    "the sender in the settings belongs to another Twilio account": "avsenderen hører til en annen konto hos Twilio",
    "the messaging service at Twilio has no sender": "meldingstjenesten hos Twilio har ingen avsender",
    "the Twilio account was suspended while the message waited": "kontoen hos Twilio ble stengt mens meldingen ventet",
    "the phone could not be reached (switched off, or without coverage)": (
        "telefonen var ikke å nå (slått av eller uten dekning)"
    ),
    "the recipient or the operator blocks the message": "mottakeren eller mobiloperatøren sperrer for meldingen",
    "the number is not in use": "nummeret er ikke i bruk",
    "a fixed line, or an operator that cannot be reached": "en fasttelefon, eller en operatør som ikke kan nås",
    "the operator filtered the message out": "mobiloperatøren filtrerte bort meldingen",
    "the operator gave no reason": "mobiloperatøren oppga ingen grunn",
    "a part of the message got lost at the operator": "en del av meldingen ble borte hos mobiloperatøren",
    "the message costs more than the limit that was set": "meldingen koster mer enn grensen som er satt",
    "the operator's network was overloaded": "mobilnettet var overbelastet",
    "the operator wants this sender to be registered in advance": "avsenderen må være forhåndsregistrert",
    "the message is longer than the operator takes": "meldingen er lengre enn mobiloperatøren tar imot",
    "the sender's daily limit at the operator is used up": "avsenderens døgngrense hos operatøren er brukt opp",
    "the sender is not set up at the operator": "avsenderen er ikke satt opp hos operatøren",
    "the sender has not been verified": "avsenderen er ikke bekreftet",
    "the sender is not registered in the recipient's country (United States)": (
        "avsenderen er ikke registrert i mottakerens land (USA)"
    ),
    "the sender is wrongly set up at Twilio": "avsenderen er satt opp feil hos Twilio",
    "the message outlived its validity in Twilio's queue": "meldingen ble for gammel i køen hos Twilio",
    "the sender must be registered in the recipient's country": "avsenderen må registreres i mottakerens land",
    "the operator blocks this sender's name": "mobiloperatøren sperrer dette avsendernavnet",
    "the message is longer than a trial account may send": "meldingen er lengre enn en prøvekonto får sende",
    "the message's validity period is outside Twilio's limits": "gyldighetstiden er utenfor Twilios grenser",
    "the operator did not answer Twilio in time": "mobiloperatøren svarte ikke Twilio i tide",
    "Twilio blocked the message as suspected abuse": "Twilio stanset meldingen som mulig misbruk",
    "the Twilio account's daily limit is used up": "kontoens døgngrense hos Twilio er brukt opp",
    # Of calls.
    "the Twilio account may not call this country (switch it on under Geo permissions)": (
        "kontoen hos Twilio har ikke lov til å ringe til dette landet"
    ),
    "the caller in the settings is no number that the Twilio account may call from": (
        "kontoen hos Twilio kan ikke ringe fra nummeret i innstillingene"
    ),
    "the number cannot be called": "nummeret kan ikke ringes",
    "the Twilio account may not make calls": "kontoen hos Twilio har ikke lov til å ringe",
    "a Twilio trial account calls only numbers verified at Twilio": (
        "en prøvekonto hos Twilio ringer bare numre som er bekreftet der"
    ),
    "the line was busy": "det var opptatt",
    "nobody answered the call": "ingen tok telefonen",
    "the call could not be connected": "anropet kom ikke fram",
    "the call was cancelled at the provider": "anropet ble avbrutt hos leverandøren",
    "an answering machine took the call": "en telefonsvarer tok anropet",
    "the call was answered, and nobody confirmed it": "telefonen ble tatt, men ingen bekreftet meldingen",
    # Of the network, the mail server, and the program.
    "no connection to the provider": "ingen forbindelse med leverandøren",
    "the provider did not answer the connection in time": "leverandøren svarte ikke i tide",
    "the provider's host name was not found": "fant ikke leverandørens server",
    "no secure connection to the provider (certificate or TLS)": "ingen sikker forbindelse med leverandøren",
    "all connections to the provider were in use": "alle forbindelser til leverandøren var i bruk",
    "the settings for this channel are not filled in": "innstillingene for denne kanalen er ikke fylt ut",
    "the mail server does not accept the user name or password in the settings": (
        "e-postserveren godtar ikke brukernavnet eller passordet i innstillingene"
    ),
    "the Twilio account is suspended or closed": "kontoen hos Twilio er stengt",
    "the mail server did not answer in time, before the message was sent": (
        "e-postserveren svarte ikke i tide, før meldingen var sendt"
    ),
    "the connection was lost before the message was sent": "forbindelsen ble brutt før meldingen var sendt",
    "the provider did not answer in time": "leverandøren svarte ikke i tide",
    "the connection was lost before the provider answered": "forbindelsen ble brutt før leverandøren svarte",
    "the provider's answer could not be read": "leverandørens svar var ikke til å lese",
    "an unexpected fault after the message was sent": "en uventet feil etter at meldingen var sendt",
    "the message cannot be built or sent without a fault in the program": "meldingen lot seg ikke lage",
    "the alert had ended before the message could leave": "varselet var over før meldingen kunne sendes",
    "the address cannot be used": "adressen kan ikke brukes",
    "the mail server does not take letters such as æøå before the @": "e-postserveren tar ikke imot æøå foran @",
    "the service of last resort did not say that it took the message": "reserveleverandøren bekreftet ikke meldingen",
    "this channel cannot be asked what became of a message": "kanalen kan ikke svare på hva som skjedde",
    "the provider's list is too long to search": "leverandørens liste er for lang til å lete i",
    "the provider does not accept the account in the settings": "leverandøren godtar ikke kontoen i innstillingene",
    "the provider forbids the account to send": "leverandøren nekter kontoen å sende",
    "the provider does not know the address this program calls": "leverandøren kjenner ikke adressen som ble kalt",
    "the provider did not get the request in time": "leverandøren fikk ikke meldingen i tide",
    "the provider takes no more requests just now": "leverandøren tar ikke imot flere akkurat nå",
    "the provider failed": "leverandøren feilet",
    "the provider refused the request": "leverandøren avviste meldingen",
    "the provider gave a reason this program does not know": "leverandøren oppga en grunn som programmet ikke kjenner",
    "no reason was given": "ingen grunn er oppgitt",
    "the mailbox does not exist": "e-postadressen finnes ikke",
    "the mail domain does not exist": "e-postdomenet finnes ikke",
    "not a valid e-mail address": "ikke en gyldig e-postadresse",
    "the mailbox has moved": "e-postadressen er flyttet",
    "the mail domain takes no mail": "e-postdomenet tar ikke imot e-post",
    "the mailbox is closed": "e-postkassen er stengt",
    "the mailbox is full": "e-postkassen er full",
    "the message is longer than the mailbox takes": "meldingen er større enn e-postkassen tar imot",
    "the message is longer than the server takes": "meldingen er større enn serveren tar imot",
    "the mail server refuses the message as a matter of policy": "e-postserveren avviser meldingen etter sine regler",
    "the mail server takes no more just now": "e-postserveren tar ikke imot flere akkurat nå",
    "the mailbox cannot be reached just now": "e-postkassen kan ikke nås akkurat nå",
    "the mail server has a passing fault": "e-postserveren har en forbigående feil",
    "the mail server has no room just now": "e-postserveren har ikke plass akkurat nå",
    "the mail server refuses the mailbox": "e-postserveren avviser adressen",
    "the mailbox is not at this server": "e-postkassen er ikke på denne serveren",
    "the message or the mailbox is too full": "meldingen er for stor, eller e-postkassen er full",
    "the mail server refuses the message": "e-postserveren avviser meldingen",
    "the mail server does not let this program in just now": "e-postserveren slipper ikke programmet til akkurat nå",
    "the mail server does not accept our own address as the sender": "e-postserveren godtar ikke avsenderadressen",
    "the mail server refuses it": "e-postserveren avviser den",
    "the mail server cannot take it yet": "e-postserveren kan ikke ta imot den ennå",
}

REASONS: Final[Mapping[str, str]] = {**_OUR_OWN, **_PROVIDERS}
